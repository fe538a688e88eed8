//! The terminal: drawn on, listened to, and given back as it was however the program ends.

use std::io;
use std::time::Duration;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::crossterm::style::force_color_output;

use super::draw::draw;
use super::view::{Key, View};

/// The terminal while the view has it. Dropped, it is as it was; a panic gives it back before it speaks.
#[derive(Debug)]
pub(crate) struct Screen(DefaultTerminal);

impl Screen {
    /// Takes the terminal, and colours what is on it or not.
    ///
    /// # Errors
    /// When it cannot be set up.
    pub(crate) fn begin(is_colored: bool) -> io::Result<Self> {
        force_color_output(is_colored);
        ratatui::try_init().map(Self)
    }

    /// Shows the view.
    ///
    /// # Errors
    /// When the terminal cannot be written to.
    pub(crate) fn show(&mut self, view: &View) -> io::Result<()> {
        self.0.draw(|frame| draw(view, frame)).map(|_| ())
    }

    /// The next key that means something, or `None` when none was pressed within `patience`.
    ///
    /// # Errors
    /// When the terminal cannot be read.
    pub(crate) fn key(patience: Duration) -> io::Result<Option<Key>> {
        if !event::poll(patience)? {
            return Ok(None);
        }
        Ok(match event::read()? {
            Event::Key(pressed) if pressed.kind != KeyEventKind::Release => meaning(pressed),
            _ => None,
        })
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

fn meaning(pressed: KeyEvent) -> Option<Key> {
    let control = pressed.modifiers.contains(KeyModifiers::CONTROL);
    Some(match pressed.code {
        KeyCode::Char('c' | 'd') if control => Key::Quit,
        KeyCode::Char('q') | KeyCode::Esc => Key::Quit,
        KeyCode::Down | KeyCode::Char('j') => Key::NextJob,
        KeyCode::Up | KeyCode::Char('k') => Key::PreviousJob,
        KeyCode::Right | KeyCode::Char('l') => Key::NextDisk,
        KeyCode::Left | KeyCode::Char('h') => Key::PreviousDisk,
        KeyCode::Char('m') => Key::NextMetric,
        KeyCode::Char('o') => Key::NextOperation,
        KeyCode::Char('t') => Key::NextTimeline,
        _ => return None,
    })
}
