//! The live view of running jobs. What is shown is a pure function of one [`View`]: news of hosts and keys change it,
//! and it is drawn on a terminal, shown in a browser, or its samples are told line by line.
//!
//! Architecture invariant: nothing here asks a host or reads a clock; whoever follows the hosts tells the [`View`].

mod bars;
mod columns;
mod draw;
mod keys;
mod line;
mod pictures;
mod screen;
#[cfg(test)]
pub(crate) mod tests;
mod told;
#[cfg(test)]
pub(crate) mod tty;
mod view;
mod watched;
mod web;

pub(crate) use line::Line;
pub(crate) use screen::Screen;
pub(crate) use view::View;
pub(crate) use watched::Watched;
pub(crate) use web::{Answer, Asked, Door, answer};
