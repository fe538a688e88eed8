//! TCP connections that break after so many bytes, or are as slow as a real link.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const BUFFER_BYTES: usize = 64 * 1024;

/// Passes connections on to an address, and breaks those that bring more than a number of bytes.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    limit: Arc<AtomicU64>,
    limit_of_next: Arc<AtomicU64>,
    bytes_per_second: Arc<AtomicU64>,
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
        let limit_of_next = Arc::new(AtomicU64::new(u64::MAX));
        let of_next = Arc::clone(&limit_of_next);
        let bytes_per_second = Arc::new(AtomicU64::new(u64::MAX));
        let speed = Arc::clone(&bytes_per_second);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(target) else {
                    continue;
                };
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || pass(from, to, u64::MAX, u64::MAX));
                let limit = of_each
                    .load(Ordering::SeqCst)
                    .min(of_next.swap(u64::MAX, Ordering::SeqCst));
                let speed = speed.load(Ordering::SeqCst);
                std::thread::spawn(move || pass(server, client, limit, speed));
            }
        });
        Self {
            port,
            limit,
            limit_of_next,
            bytes_per_second,
        }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on, each new connection breaks once the server has sent so many bytes.
    pub fn break_each_after(&self, bytes: u64) {
        self.limit.store(bytes, Ordering::SeqCst);
    }

    /// The next new connection, and no other, breaks once the server has sent so many bytes.
    pub fn break_next_after(&self, bytes: u64) {
        self.limit_of_next.store(bytes, Ordering::SeqCst);
    }

    /// From now on, each new connection brings what the server sends at this speed at most.
    pub fn limit_each_to(&self, bytes_per_second: u64) {
        self.bytes_per_second.store(bytes_per_second, Ordering::SeqCst);
    }
}

/// Passes bytes on until either side closes or `limit` is reached, and then closes both. Each piece arrives when its
/// last byte would have crossed a link of this speed.
fn pass(mut from: TcpStream, mut to: TcpStream, limit: u64, bytes_per_second: u64) {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut left = limit;
    let mut arrival = Instant::now();
    while let Ok(amount @ 1..) = from.read(&mut buffer) {
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(amount);
        left -= wanted as u64;
        let now = Instant::now();
        arrival = arrival.max(now) + Duration::from_secs_f64(wanted as f64 / bytes_per_second as f64);
        std::thread::sleep(arrival.duration_since(now));
        if to.write_all(&buffer[..wanted]).is_err() || left == 0 {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
