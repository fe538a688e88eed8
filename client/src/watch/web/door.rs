//! Who is answered: a page of ours on this machine, which knows the key.

use std::fmt;

use subtle::ConstantTimeEq as _;

/// Names by which a browser on this machine may address us. Any other means that a foreign DNS record led it here.
const HOST_NAMES: [&str; 2] = ["127.0.0.1", "localhost"];

/// What a browser asks for, before anything of it is believed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'request> {
    /// It is a GET.
    pub(crate) is_get: bool,
    /// The path, without what follows a `?`.
    pub(crate) path: &'request str,
    /// The Host field, where there is exactly one.
    pub(crate) host: Option<&'request str>,
    /// The Authorization field.
    pub(crate) authorization: Option<&'request str>,
}

/// The port and the key.
pub(crate) struct Door {
    port: u16,
    key: String,
}

impl Door {
    /// A door at `port` for whoever has a key that was made of these random bytes.
    pub(crate) fn new(port: u16, random: &[u8; 32]) -> Self {
        let key = crate::sha256::hexadecimal(random);
        Self { port, key }
    }

    /// The address with the key, which a browser keeps to itself: what follows the `#` is sent nowhere.
    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}/#{}", self.port, self.key)
    }

    /// It was addressed as what it is.
    pub(super) fn is_ours(&self, asked: &Asked<'_>) -> bool {
        let named = asked.host.and_then(|host| host.rsplit_once(':'));
        named.is_some_and(|(name, port)| {
            port == self.port.to_string() && HOST_NAMES.iter().any(|ours| ours.eq_ignore_ascii_case(name))
        })
    }

    /// The key was shown.
    pub(super) fn is_open_to(&self, asked: &Asked<'_>) -> bool {
        let shown = asked.authorization.and_then(|value| value.strip_prefix("Bearer "));
        shown.is_some_and(|shown| shown.as_bytes().ct_eq(self.key.as_bytes()).into())
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Door")
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}
