//! The connections that are open: how many there may be, and who makes way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::AbortHandle;

use crate::process;

/// How many connections are open at once.
const MOST: usize = 256;
/// How many are open at once where the process may have few descriptors: a quarter of these, but no fewer than this.
const FEWEST: usize = 4;

/// A connection that is open.
struct Conversation {
    user: Option<u32>,
    task: AbortHandle,
    is_busy: Arc<AtomicBool>,
}

/// Every connection that is open.
///
/// Where there is no room, the oldest one that waits is closed, of the user who has most of them: so whoever
/// holds connections open and says nothing, or asks again and again, takes room from nobody but himself.
#[derive(Default)]
pub(super) struct Crowd(Vec<Conversation>);

impl Crowd {
    /// Makes room for one more connection; tells whether there is.
    pub(super) fn make_room(&mut self) -> bool {
        self.0.retain(|conversation| !conversation.task.is_finished());
        if self.0.len() < most() {
            return true;
        }
        let mut held: BTreeMap<Option<u32>, usize> = BTreeMap::new();
        for conversation in &self.0 {
            *held.entry(conversation.user).or_default() += 1;
        }
        let waiting = self.0.iter().enumerate().filter(|(_, conversation)| !conversation.is_busy());
        // Of several equals the last one is taken, so the oldest has to come last.
        let chosen = waiting.rev().max_by_key(|(_, conversation)| held.get(&conversation.user));
        let Some((index, _)) = chosen else { return false };
        self.0.remove(index).task.abort();
        true
    }

    /// Takes one in that has begun.
    pub(super) fn add(&mut self, user: Option<u32>, task: AbortHandle, is_busy: Arc<AtomicBool>) {
        self.0.push(Conversation { user, task, is_busy });
    }

    /// Tells whether somebody waits for an answer.
    pub(super) fn is_busy(&self) -> bool {
        self.0.iter().any(|conversation| !conversation.task.is_finished() && conversation.is_busy())
    }
}

impl Conversation {
    fn is_busy(&self) -> bool {
        self.is_busy.load(Ordering::Relaxed)
    }
}

/// Returns how many connections may be open, so that descriptors are left for a renewal and for the look at who connects.
fn most() -> usize {
    let descriptors = process::most_descriptors().and_then(|most| usize::try_from(most).ok());
    descriptors.map_or(MOST, |most| (most / 4).clamp(FEWEST, MOST))
}
