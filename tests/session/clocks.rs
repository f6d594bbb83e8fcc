//! When this machine's clock is wrong: corrected once, within bounds, and never by a stranger.

use std::time::Duration;

use anyrole::clock::Timestamp;
use anyrole::http::Peer;
use anyrole::session::SessionError;
use pki_test::algorithm::KeyAlgorithm;

use super::support::{Answer, Chain, NOW, Play, Played, create, create_as, http_date};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Returns the refusal of a signature, at a time by AWS's clock.
fn refusal(theirs: Timestamp) -> Answer {
    Answer::refusal(403, "AccessDeniedException", "Invalid signature").with("date", http_date(theirs))
}

#[tokio::test(start_paused = true)]
async fn a_wrong_clock_is_corrected_once() {
    for (ours, offset) in [(NOW.minus(10 * MINUTE), 600), (NOW.plus(11 * HOUR), -39_600)] {
        let transport = Played::new([Play::Answer(refusal(NOW)), Play::Answer(Answer::granted(NOW))]);
        let session = create(&transport, ours).await.unwrap();
        assert_eq!(session.clock_offset, offset);
        assert_eq!(session.attempts, 2);
        let dates: Vec<_> = transport.sent().into_iter().map(|sent| sent.amz_date).collect();
        assert_eq!(dates, [ours.amz_date(), NOW.amz_date()]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_refusal_is_final() {
    let transport = Played::new([Play::Answer(refusal(NOW)), Play::Answer(refusal(NOW))]);
    let error = create(&transport, NOW.minus(10 * MINUTE)).await.unwrap_err();
    let SessionError::Refused(refusal) = error else { panic!("a refusal") };
    assert_eq!(refusal.attempts, 2);
    assert_eq!(refusal.corrected_by, 600);
    assert_eq!(refusal.clock_offset(), Some(0), "the time that was signed was right");
}

#[tokio::test(start_paused = true)]
async fn the_second_request_has_its_attempts_too() {
    let trouble = Answer::refusal(503, "ServiceUnavailableException", "");
    let plays = [refusal(NOW), trouble, Answer::granted(NOW)].map(Play::Answer);
    let session = create(&Played::new(plays), NOW.minus(10 * MINUTE)).await.unwrap();
    assert_eq!((session.attempts, session.clock_offset), (3, 600));

    // If nothing answers the second time, the first refusal says more.
    let transport = Played::new([Play::Answer(refusal(NOW)), Play::Hang]);
    let error = create(&transport, NOW.minus(10 * MINUTE)).await.unwrap_err();
    let SessionError::Refused(refusal) = error else { panic!("a refusal") };
    assert_eq!(refusal.clock_offset(), Some(600));
}

#[tokio::test(start_paused = true)]
async fn no_correction_without_proof() {
    let unverified = Answer { peer: Peer::Unverified, ..refusal(NOW) };
    let cases = [
        ("no verified server", unverified, NOW.minus(10 * MINUTE)),
        ("no request id", refusal(NOW).without("x-amzn-requestid"), NOW.minus(10 * MINUTE)),
        ("no date", refusal(NOW).without("date"), NOW.minus(10 * MINUTE)),
        (
            "a date of no known form",
            refusal(NOW).without("date").with("date", "soon"),
            NOW.minus(10 * MINUTE),
        ),
        ("less than a minute", refusal(NOW), NOW.minus(MINUTE)),
        ("outside of the certificate's validity", refusal(NOW.plus(13 * HOUR)), NOW),
        ("another refusal", Answer { status: 404, ..refusal(NOW) }, NOW.minus(10 * MINUTE)),
    ];
    for (case, answer, ours) in cases {
        let transport = Played::new([Play::Answer(answer)]);
        let result = create(&transport, ours).await;
        assert!(matches!(result, Err(SessionError::Refused(_))), "{case}");
        assert_eq!(transport.sent().len(), 1, "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_correction_of_more_than_a_day() {
    let long = Chain::valid(KeyAlgorithm::EcP256, NOW, 1000 * 24 * HOUR);
    for (hours, corrected) in [(24, true), (25, false), (400 * 24, false)] {
        let theirs = NOW.plus(hours * HOUR);
        let transport = Played::new([refusal(theirs), Answer::granted(theirs)].map(Play::Answer));
        let result = create_as(&transport, &mut long.identity(), NOW).await;
        assert_eq!(result.is_ok(), corrected, "{hours} hours");
        assert_eq!(transport.sent().len(), if corrected { 2 } else { 1 });
    }
}

#[tokio::test(start_paused = true)]
async fn a_loopback_endpoint_is_this_machine() {
    let answer = Answer { peer: Peer::Loopback, ..refusal(NOW) };
    let transport = Played::new([answer, Answer::granted(NOW)].map(Play::Answer));
    assert_eq!(create(&transport, NOW.minus(2 * MINUTE)).await.unwrap().clock_offset, 120);
}
