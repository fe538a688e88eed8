//! The head of a request to the agent.

use vscsi_agent::http::{Head, answer_length, end_of_head};

/// The gate frames a request as the server behind it does, or refuses it: a head that it lets through means the same
/// to another parser. Where two readers of one stream differ about its frames, the second request of one is the body
/// of the first to the other.
pub(crate) fn head(input: &[u8]) {
    let Some(end) = end_of_head(input) else { return };
    let Some(bytes) = input.get(..end) else {
        panic!("the head is longer than the input")
    };
    answer_length(bytes);
    let Ok(head) = Head::parse(bytes) else { return };
    let mut fields = [httparse::EMPTY_HEADER; 128];
    let mut other = httparse::Request::new(&mut fields);
    assert_eq!(
        other.parse(input),
        Ok(httparse::Status::Complete(end)),
        "it ends elsewhere"
    );
    assert_eq!(other.path, Some(head.url), "it asks for something else");
    let other: Vec<_> = other.headers.iter().map(|field| (field.name, field.value)).collect();
    let own: Vec<_> = head.fields().map(|(name, value)| (name, value.as_bytes())).collect();
    assert_eq!(own, other, "its fields are others");
}
