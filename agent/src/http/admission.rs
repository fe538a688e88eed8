//! What a request must have before anything of it is done: our Host and our token.

use subtle::ConstantTimeEq as _;
use tiny_http::Header;
use vscsi_shared::wire::v1::ErrorCode;

use super::head::values;
use crate::action::{Refusal, refuse};

/// Names by which a client on this host, or at the other end of its own tunnel, may address us. Any other name means
/// that a browser was led here by a foreign DNS record.
const HOST_NAMES: [&str; 4] = ["127.0.0.1", "localhost", "[::1]", "vscsi-agent"];

/// Decides over a request by its header fields.
pub(super) fn admit(fields: &[Header], token: &str) -> Result<(), Refusal> {
    if !is_our_host(values(fields, "Host")) {
        return Err(refuse(
            ErrorCode::ForeignHost,
            "the Host field does not name this agent",
            "address it as 127.0.0.1 or localhost",
        ));
    }
    let presented = values(fields, "Authorization")
        .next()
        .and_then(|value| value.strip_prefix("Bearer "));
    let is_ours = presented.is_some_and(|presented| bool::from(presented.trim().as_bytes().ct_eq(token.as_bytes())));
    if is_ours {
        Ok(())
    } else {
        Err(refuse(
            ErrorCode::Unauthorized,
            "the token is missing, or is not that of the running agent",
            "connect again: `vscsi-agent connect` prints the token",
        ))
    }
}

fn is_our_host<'field>(mut values: impl Iterator<Item = &'field str>) -> bool {
    let (Some(host), None) = (values.next(), values.next()) else {
        return false;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    HOST_NAMES.iter().any(|ours| ours.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;

    use super::*;

    fn code(fields: &[&str]) -> Option<ErrorCode> {
        let fields: Vec<Header> = fields.iter().map(|line| Header::from_str(line).unwrap()).collect();
        admit(&fields, "secret").err().map(|refusal| refusal.code)
    }

    #[test]
    fn our_host_and_our_token_are_admitted() {
        assert_eq!(code(&["host: 127.0.0.1:4711", "authorization: Bearer secret"]), None);
        assert_eq!(code(&["Host: LOCALHOST", "Authorization: Bearer secret"]), None);
    }

    #[test]
    fn a_wrong_or_missing_token_is_refused() {
        for fields in [
            &["Host: localhost"][..],
            &["Host: localhost", "Authorization: Bearer secre"],
            &["Host: localhost", "Authorization: Bearer secret2"],
            &["Host: localhost", "Authorization: Basic secret"],
        ] {
            assert_eq!(code(fields), Some(ErrorCode::Unauthorized), "{fields:?}");
        }
    }

    #[test]
    fn a_foreign_host_is_refused_even_with_the_token() {
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost:80:80",
            "",
            "127.0.0.1@evil",
        ] {
            let fields = [&format!("Host: {host}"), "Authorization: Bearer secret"];
            assert_eq!(code(&fields), Some(ErrorCode::ForeignHost), "{host}");
        }
        assert_eq!(code(&["Authorization: Bearer secret"]), Some(ErrorCode::ForeignHost));
    }

    #[test]
    fn two_host_fields_are_refused() {
        let fields = ["Host: localhost", "Host: evil", "Authorization: Bearer secret"];
        assert_eq!(code(&fields), Some(ErrorCode::ForeignHost));
    }
}
