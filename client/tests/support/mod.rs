//! Command streams with known habits, written without any knowledge of how replays are made.

pub mod streams;
