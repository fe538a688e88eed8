//! Charts as commands write them, and as files.

mod command;
mod files;
