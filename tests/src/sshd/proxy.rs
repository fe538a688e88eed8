//! TCP connections that break after so many bytes, or are slow.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Passes connections on to an address, and breaks each that brings more than a number of bytes.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    limit: Arc<AtomicU64>,
    delay_ms: Arc<AtomicU64>,
}

impl Proxy {
    /// A proxy for `target`. Its thread ends with the test.
    ///
    /// # Panics
    /// When it cannot listen.
    pub fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let limit = Arc::new(AtomicU64::new(u64::MAX));
        let of_each = Arc::clone(&limit);
        let delay_ms = Arc::new(AtomicU64::new(0));
        let delay = Arc::clone(&delay_ms);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(target) else {
                    continue;
                };
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || pass(from, to, u64::MAX, Duration::ZERO));
                let limit = of_each.load(Ordering::SeqCst);
                let delay = Duration::from_millis(delay.load(Ordering::SeqCst));
                std::thread::spawn(move || pass(server, client, limit, delay));
            }
        });
        Self { port, limit, delay_ms }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on, each new connection breaks once the server has sent so many bytes.
    pub fn break_each_after(&self, bytes: u64) {
        self.limit.store(bytes, Ordering::SeqCst);
    }

    /// From now on, each new connection waits so long before each 4 KiB of what the server sends.
    pub fn delay_each_piece(&self, delay_ms: u64) {
        self.delay_ms.store(delay_ms, Ordering::SeqCst);
    }
}

/// Passes bytes on until either side closes or `limit` is reached, and then closes both.
fn pass(mut from: TcpStream, mut to: TcpStream, limit: u64, delay: Duration) {
    let mut buffer = [0; 4096];
    let mut left = limit;
    while let Ok(amount @ 1..) = from.read(&mut buffer) {
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(amount);
        left -= wanted as u64;
        std::thread::sleep(delay);
        if to.write_all(&buffer[..wanted]).is_err() || left == 0 {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
