//! The view on the terminal.

use std::sync::mpsc::Receiver;

use super::{CannotWatch, LISTEN, News, take_in};
use crate::cli::{CliError, Env, Outcome};
use crate::interrupt::Deferred;
use crate::watch::{Screen, View};

/// Draws on the terminal until the user leaves.
pub(super) fn show(view: &mut View, news: &Receiver<News>, env: &Env) -> Result<Outcome, CliError> {
    let deferred = Deferred::begin_on_terminal().map_err(CannotWatch::Terminal)?;
    let mut screen = Screen::begin(env.color).map_err(CannotWatch::Terminal)?;
    let mut shown_at = None;
    loop {
        deferred.check()?;
        view.tick(env.clock.now());
        if take_in(view, news)? {
            shown_at = None;
        }
        // Without news or keys only ages change, by the second.
        let second = Some(env.clock.now().as_second());
        if shown_at != second {
            screen.show(view).map_err(CannotWatch::Terminal)?;
            shown_at = second;
        }
        if let Some(key) = screen.key(LISTEN).map_err(CannotWatch::Terminal)? {
            shown_at = None;
            if !view.press(key) {
                return Ok(Outcome::Done);
            }
        }
    }
}
