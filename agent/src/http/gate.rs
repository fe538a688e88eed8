//! The gate: accepts connections for as long as the process lives, whatever goes wrong meanwhile.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::connection;
use super::context::Context;
use super::places::Places;
use crate::log::Log;

/// Stack of the thread that accepts.
const GATE_STACK_BYTES: usize = 64 * 1024;

/// Stack of a connection's thread: the JSON of a job is the deepest it gets.
const CONNECTION_STACK_BYTES: usize = 192 * 1024;

/// Rest after a failure, such as one for want of descriptors, which end sooner or later.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Answers requests on `listener` for as long as the process lives.
///
/// # Errors
/// When the thread that does it cannot be started.
pub fn serve(listener: TcpListener, context: Arc<Context>) -> io::Result<()> {
    let places = Arc::new(Places::default());
    let log = context.equipment.log.clone();
    thread::Builder::new()
        .name("gate".to_owned())
        .stack_size(GATE_STACK_BYTES)
        .spawn(move || {
            keep_open(&log, || {
                let (client, _) = listener.accept()?;
                let_in(client, &places, &context)
            });
        })
        .map(drop)
}

/// Lets clients in one after another. Neither an error nor a panic ends it; the first of a row is logged, and its end.
fn keep_open(log: &Log, mut let_one_in: impl FnMut() -> io::Result<()>) -> ! {
    let mut is_failing = false;
    loop {
        let outcome = panic::catch_unwind(AssertUnwindSafe(&mut let_one_in));
        let outcome = outcome.unwrap_or_else(|_| Err(io::Error::other("it panicked")));
        let Err(error) = outcome else {
            if is_failing {
                log.line("connections are accepted again");
            }
            is_failing = false;
            continue;
        };
        if !is_failing {
            log.line(&format!("accepting a connection failed: {error}; it is tried again"));
        }
        is_failing = true;
        thread::sleep(AFTER_FAILURE);
    }
}

fn let_in(client: TcpStream, places: &Arc<Places>, context: &Arc<Context>) -> io::Result<()> {
    let mut place = places.enter(Arc::new(client));
    let context = Arc::clone(context);
    thread::Builder::new()
        .name("connection".to_owned())
        .stack_size(CONNECTION_STACK_BYTES)
        // Whatever broke the connection, there is nobody left to tell.
        .spawn(move || drop(connection::attend(&mut place, &context)))
        .map(drop)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn an_error_and_a_panic_are_survived_and_logged_once() {
        let directory = tempfile::tempdir().unwrap();
        let log = Log::open(directory.path(), false);
        let (sender, receiver) = mpsc::channel();
        let mut calls = 0;
        let in_thread = log.clone();
        thread::spawn(move || {
            keep_open(&in_thread, || {
                calls += 1;
                match calls {
                    1 => Err(io::Error::from_raw_os_error(libc::EMFILE)),
                    2 => panic!("as a thread does that finds no memory"),
                    3 => Ok(()),
                    _ => {
                        let _ = sender.send(());
                        loop {
                            thread::park();
                        }
                    }
                }
            })
        });
        receiver.recv_timeout(Duration::from_secs(10)).unwrap();
        let text = log.tail(10).unwrap();
        assert_eq!(text.matches("failed").count(), 1, "{text}");
        assert_eq!(text.matches("accepted again").count(), 1, "{text}");
    }
}
