//! The open connections: how many there may be, and which are closed to make room.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::AbortHandle;

use crate::process;

/// The most connections open at once.
const MOST: usize = 256;
/// The fewest that are allowed when the process may open few descriptors; the limit is a quarter of those.
const FEWEST: usize = 4;

/// An open connection.
struct Connection {
    user: Option<u32>,
    task: AbortHandle,
    is_busy: Arc<AtomicBool>,
}

/// All open connections.
///
/// If there is no room, the oldest idle connection of the user who has the most is closed. So a caller who holds
/// connections open without a request, or keeps opening more, takes room only from their own.
#[derive(Default)]
pub(super) struct Connections(Vec<Connection>);

impl Connections {
    /// Makes room for one more connection; returns whether there is room.
    pub(super) fn make_room(&mut self) -> bool {
        self.0.retain(|connection| !connection.task.is_finished());
        if self.0.len() < most() {
            return true;
        }
        let mut held: BTreeMap<Option<u32>, usize> = BTreeMap::new();
        for connection in &self.0 {
            *held.entry(connection.user).or_default() += 1;
        }
        let waiting = self.0.iter().enumerate().filter(|(_, connection)| !connection.is_busy());
        // Of several equals the last is taken, so the oldest has to come last.
        let chosen = waiting.rev().max_by_key(|(_, connection)| held.get(&connection.user));
        let Some((index, _)) = chosen else { return false };
        self.0.remove(index).task.abort();
        true
    }

    /// Adds a connection.
    pub(super) fn add(&mut self, user: Option<u32>, task: AbortHandle, is_busy: Arc<AtomicBool>) {
        self.0.push(Connection { user, task, is_busy });
    }
}

impl Connection {
    fn is_busy(&self) -> bool {
        self.is_busy.load(Ordering::Relaxed)
    }
}

/// Returns how many connections may be open, leaving descriptors for a renewal and for identifying callers.
fn most() -> usize {
    let descriptors = process::most_descriptors().and_then(|most| usize::try_from(most).ok());
    descriptors.map_or(MOST, |most| (most / 4).clamp(FEWEST, MOST))
}
