//! One call at a time, on a thread of its own, for all tasks that wait for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::SystemTime;

use aws_credential_types::Credentials as AwsCredentials;
use tokio::sync::watch;

use super::error::{Error, SdkError};

/// What a call ends with.
type Answer = Result<AwsCredentials, Error>;

/// The calls of one session.
#[derive(Default)]
pub(super) struct Flights {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// The call that was started last: with its answer, or its other end closed, once it has ended.
    latest: Option<watch::Receiver<Option<Answer>>>,
    last_good: Option<AwsCredentials>,
}

impl Flights {
    /// Waits for the call that is under way, or for `work`, which starts one.
    ///
    /// The call goes on if the caller stops waiting.
    pub(super) async fn join(&self, work: impl FnOnce() -> Answer + Send + 'static) -> Answer {
        let mut call = self.start(work)?;
        let answer = match call.wait_for(Option::is_some).await {
            Ok(answer) => answer.clone(),
            Err(_) => None,
        };
        answer.unwrap_or_else(|| Err(SdkError::Stopped.into()))
    }

    fn start(
        &self,
        work: impl FnOnce() -> Answer + Send + 'static,
    ) -> Result<watch::Receiver<Option<Answer>>, Error> {
        let mut state = locked(&self.state);
        // A call that has ended is not joined: what it found may be old. It has ended once its answer is there, which is a moment before its
        // end of the channel is closed, or once that is closed without one.
        if let Some(call) =
            state.latest.as_ref().filter(|call| call.borrow().is_none() && call.has_changed().is_ok())
        {
            return Ok(call.clone());
        }
        let (sender, call) = watch::channel(None);
        let shared = Arc::clone(&self.state);
        thread::Builder::new()
            .name(String::from("anyrole"))
            .spawn(move || {
                let answer = work();
                if let Ok(credentials) = &answer {
                    locked(&shared).last_good = Some(credentials.clone());
                }
                sender.send_replace(Some(answer));
            })
            .map_err(SdkError::Thread)?;
        state.latest = Some(call.clone());
        Ok(call)
    }

    /// Returns the last credentials, if they still work.
    pub(super) fn last_good(&self, now: SystemTime) -> Option<AwsCredentials> {
        let last_good = locked(&self.state).last_good.clone()?;
        last_good.expiry().is_some_and(|expiry| expiry > now).then_some(last_good)
    }
}

/// Locks the state; who panicked has left nothing half-done in it.
fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn credentials(expiry: u64) -> AwsCredentials {
        let builder = AwsCredentials::builder().access_key_id("ASIA").secret_access_key("secret");
        builder.expiry(UNIX_EPOCH + Duration::from_secs(expiry)).provider_name("test").build()
    }

    #[tokio::test]
    async fn those_who_ask_at_once_share_one_call_and_later_ones_make_another() {
        let (flights, calls) = (Arc::new(Flights::default()), Arc::new(AtomicUsize::new(0)));
        let (go, wait) = mpsc::channel::<()>();
        let wait = Arc::new(Mutex::new(wait));
        let ask = || {
            let (flights, calls, wait) = (Arc::clone(&flights), Arc::clone(&calls), Arc::clone(&wait));
            async move {
                let work = move || {
                    calls.fetch_add(1, Ordering::Relaxed);
                    let _ = wait.lock().expect("nobody panics").recv();
                    Ok(credentials(100))
                };
                flights.join(work).await
            }
        };
        let asked: Vec<_> = (0..20).map(|_| tokio::spawn(ask())).collect();
        tokio::task::yield_now().await;
        go.send(()).expect("the thread waits");
        for answer in asked {
            assert!(answer.await.expect("it ends").is_ok());
        }
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        go.send(()).expect("the next thread waits");
        assert!(ask().await.is_ok());
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_call_goes_on_without_its_caller_and_the_next_one_has_its_answer() {
        let flights = Flights::default();
        let (go, wait) = mpsc::channel::<()>();
        let work = move || {
            let _ = wait.recv();
            Ok(credentials(100))
        };
        {
            let mut left = Box::pin(flights.join(work));
            assert!(futures_once(left.as_mut()).await.is_none());
        }
        assert!(flights.last_good(UNIX_EPOCH).is_none());
        go.send(()).expect("the thread still waits");
        let joined = flights.join(|| Err(SdkError::Stopped.into())).await;
        // It may have ended before it could be joined; then a call of its own was made.
        assert!(joined.is_ok() || joined.is_err_and(|error| error.id() == "panic"));
    }

    /// Polls a future once.
    async fn futures_once<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
        std::future::poll_fn(|context| {
            std::task::Poll::Ready(match std::pin::Pin::new(&mut future).poll(context) {
                std::task::Poll::Ready(output) => Some(output),
                std::task::Poll::Pending => None,
            })
        })
        .await
    }

    #[tokio::test]
    async fn the_last_good_ones_are_there_until_they_expire() {
        let flights = Flights::default();
        flights.join(|| Ok(credentials(100))).await.expect("it is good");
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        assert!(flights.last_good(at(99)).is_some());
        assert!(flights.last_good(at(100)).is_none());
    }
}
