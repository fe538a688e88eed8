//! The head of a request to the agent.

use vscsi_agent::http::{Head, end_of_head};

/// The agent frames a request as other parsers do, or refuses it. Where two readers of one stream differ about its
/// frames, the second request of one is the body of the first to the other.
pub(crate) fn head(input: &[u8]) {
    let Some(end) = end_of_head(input) else { return };
    let Some(bytes) = input.get(..end) else {
        panic!("the head is longer than the input")
    };
    let Ok(head) = Head::parse(bytes) else { return };
    let mut fields = [httparse::EMPTY_HEADER; 128];
    let mut other = httparse::Request::new(&mut fields);
    assert_eq!(
        other.parse(input),
        Ok(httparse::Status::Complete(end)),
        "it ends elsewhere"
    );
    assert_eq!(other.path, Some(head.url.as_str()), "it asks for something else");
    let other: Vec<_> = other.headers.iter().map(|field| (field.name, field.value)).collect();
    let own = head.fields.iter();
    let own: Vec<_> = own
        .map(|field| (field.field.as_str().as_str(), field.value.as_bytes()))
        .collect();
    assert_eq!(own, other, "its fields are others");
}
