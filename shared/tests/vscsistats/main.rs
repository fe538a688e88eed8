//! The vscsiStats parsers against captures, hand-made damage and generated input.

mod capture;
mod damage;
mod laws;
mod support;
