//! Who is connected. Most places are for those who have shown the token, so that a crowd of strangers keeps
//! nobody out; a stranger who is in has a moment for itself to show it, and then makes room for the next.

use std::collections::BTreeMap;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Connections that have not shown the token yet, at one time.
const STRANGERS: usize = 16;

/// Connections that have, at one time.
const FRIENDS: usize = 40;

/// How long a stranger has its place for itself. `vscsi-agent connect` shows the token in the same moment in which it is
/// connected.
const PATIENCE: Duration = Duration::from_millis(50);

/// All places.
#[derive(Debug, Default)]
pub(super) struct Places {
    taken: Mutex<Taken>,
    left: Condvar,
}

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    /// By number, and so by age.
    strangers: BTreeMap<u64, Stranger>,
    friends: usize,
}

#[derive(Debug)]
struct Stranger {
    client: Arc<TcpStream>,
    came: Instant,
}

/// A connection's place, which is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) client: Arc<TcpStream>,
    places: Arc<Places>,
    number: u64,
    is_friend: bool,
}

impl Places {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        // Counting cannot panic half-way.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a stranger a place, which the oldest stranger leaves for it when none is free.
    pub(super) fn enter(self: &Arc<Self>, client: Arc<TcpStream>) -> Place {
        let mut taken = self.taken();
        while taken.strangers.len() >= STRANGERS {
            let Some(oldest) = taken.strangers.first_entry() else {
                break;
            };
            let left = PATIENCE.saturating_sub(oldest.get().came.elapsed());
            if left.is_zero() {
                // Its thread sees the end of the connection and goes.
                let _ = oldest.remove().client.shutdown(Shutdown::Both);
            } else {
                let waited = self.left.wait_timeout(taken, left);
                taken = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
        }
        taken.next += 1;
        let number = taken.next;
        let stranger = Stranger {
            client: Arc::clone(&client),
            came: Instant::now(),
        };
        taken.strangers.insert(number, stranger);
        drop(taken);
        Place {
            client,
            places: Arc::clone(self),
            number,
            is_friend: false,
        }
    }
}

impl Place {
    /// The client has shown the token, now or before; `false` when it has to go all the same, because there are too many
    /// friends or it has just made room for another stranger.
    pub(super) fn befriend(&mut self) -> bool {
        if !self.is_friend {
            let mut taken = self.places.taken();
            let has_room = taken.friends < FRIENDS;
            if has_room && taken.strangers.remove(&self.number).is_some() {
                taken.friends += 1;
                self.is_friend = true;
                self.places.left.notify_one();
            }
        }
        self.is_friend
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        if self.is_friend {
            taken.friends = taken.friends.saturating_sub(1);
        } else {
            taken.strangers.remove(&self.number);
        }
        self.places.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    /// Connections to nobody, each with the client's end.
    struct Crowd {
        listener: TcpListener,
        places: Arc<Places>,
    }

    impl Crowd {
        fn new() -> Self {
            Self {
                listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap(),
                places: Arc::default(),
            }
        }

        fn enter(&self) -> (TcpStream, Place) {
            let client = TcpStream::connect(self.listener.local_addr().unwrap()).unwrap();
            client.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
            let (accepted, _) = self.listener.accept().unwrap();
            (client, self.places.enter(Arc::new(accepted)))
        }
    }

    fn was_shown_out(client: &TcpStream) -> bool {
        matches!({ client }.read(&mut [0]), Ok(0))
    }

    #[test]
    fn a_stranger_makes_room_for_the_next_one_after_its_moment() {
        let crowd = Crowd::new();
        let began = Instant::now();
        let strangers: Vec<_> = (0..=STRANGERS).map(|_| crowd.enter()).collect();
        assert!(began.elapsed() >= PATIENCE);
        assert!(was_shown_out(&strangers[0].0));
        assert!(!was_shown_out(&strangers[1].0));
    }

    #[test]
    fn a_crowd_of_strangers_shows_no_friend_out() {
        let crowd = Crowd::new();
        let (client, mut friend) = crowd.enter();
        assert!(friend.befriend());
        let crowded: Vec<_> = (0..2 * STRANGERS).map(|_| crowd.enter()).collect();
        assert!(!was_shown_out(&client));
        assert!(friend.befriend());
        drop(crowded);
    }

    #[test]
    fn a_place_is_free_again_when_its_connection_is_over() {
        let crowd = Crowd::new();
        for _ in 0..3 {
            let mut friends = Vec::new();
            for _ in 0..FRIENDS {
                let (client, mut place) = crowd.enter();
                assert!(place.befriend());
                friends.push((client, place));
            }
            assert!(!crowd.enter().1.befriend(), "one too many");
        }
        let taken = crowd.places.taken();
        assert_eq!((taken.strangers.len(), taken.friends), (0, 0));
    }

    #[test]
    fn a_stranger_that_was_shown_out_is_no_friend_any_more() {
        let crowd = Crowd::new();
        let (_client, mut first) = crowd.enter();
        let crowded: Vec<_> = (0..STRANGERS).map(|_| crowd.enter()).collect();
        assert!(!first.befriend());
        drop(crowded);
    }
}
