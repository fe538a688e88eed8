//! The terminal: drawn on, listened to, and given back as it was however the program ends.

use std::io::{self, Stdout, Write as _, stderr, stdout};
use std::panic::{self, PanicHookInfo};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::crossterm::execute;
use ratatui::crossterm::style::force_color_output;
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};

use super::draw::draw;
use super::keys::Keyboard;
use super::view::{Key, View};

/// The terminal while the view has it. Dropped, it is as it was; a panic gives it back before it speaks.
#[derive(Debug)]
pub(crate) struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    keyboard: Keyboard,
    taken: Arc<Taken>,
}

impl Screen {
    /// Takes the terminal, and colours what is on it or not.
    ///
    /// # Errors
    /// When it cannot be set up.
    pub(crate) fn begin(is_colored: bool) -> io::Result<Self> {
        force_color_output(is_colored);
        let keyboard = Keyboard::open()?;
        let taken = Arc::new(Taken::default());
        taken.heed_panics();
        let begun = enable_raw_mode()
            .and_then(|()| execute!(stdout(), EnterAlternateScreen))
            .and_then(|()| Terminal::new(CrosstermBackend::new(stdout())));
        match begun {
            Ok(terminal) => Ok(Self {
                terminal,
                keyboard,
                taken,
            }),
            Err(error) => {
                taken.give_back();
                Err(error)
            }
        }
    }

    /// Shows the view.
    ///
    /// # Errors
    /// When the terminal cannot be written to.
    pub(crate) fn show(&mut self, view: &View) -> io::Result<()> {
        self.terminal.draw(|frame| draw(view, frame)).map(|_| ())
    }

    /// The next key that means something, or `None` when none was pressed within `patience`.
    ///
    /// # Errors
    /// When the terminal cannot be read, or has hung up.
    pub(crate) fn key(&self, patience: Duration) -> io::Result<Option<Key>> {
        // One may have been read together with the one before.
        if !self.keyboard.tells(Duration::ZERO)? && !self.keyboard.tells(patience)? {
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
        self.taken.give_back();
    }
}

/// That the terminal is ours until it is given back, and what is to be said only then.
#[derive(Debug, Default)]
struct Taken {
    is_given_back: AtomicBool,
    words: Mutex<Vec<String>>,
}

impl Taken {
    /// A panic of this thread, which draws, gives the terminal back and speaks. Those of other threads are told when it
    /// was given back: nobody could read them on a picture that goes on.
    fn heed_panics(self: &Arc<Self>) {
        let (taken, drawing, before) = (Arc::clone(self), thread::current().id(), panic::take_hook());
        panic::set_hook(Box::new(move |info| {
            if thread::current().id() == drawing {
                taken.give_back();
            } else if taken.keep(info) {
                return;
            }
            before(info);
        }));
    }

    /// Whether the words of a panic will be told, because the terminal is ours.
    fn keep(&self, info: &PanicHookInfo<'_>) -> bool {
        let mut words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        let is_ours = !self.is_given_back.load(Ordering::SeqCst);
        if is_ours {
            words.push(info.to_string());
        }
        is_ours
    }

    /// Once: a terminal that leaves the picture a second time puts the cursor where it was when the picture began, upon
    /// what was said since. Nothing can be done where it cannot be written to.
    fn give_back(&self) {
        let mut words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_given_back.swap(true, Ordering::SeqCst) {
            return;
        }
        let _ = disable_raw_mode();
        let _ = execute!(stdout(), LeaveAlternateScreen, Show);
        for words in words.drain(..) {
            let _ = writeln!(stderr(), "{words}");
        }
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

#[cfg(test)]
mod tests {
    use super::super::tests::view_of_a_job;
    use super::super::tty::on_a_terminal;
    use super::*;

    #[test]
    fn a_panic_of_the_thread_that_draws_gives_the_terminal_back_and_is_read_below() {
        let told = on_a_terminal(
            "watch::screen::tests::a_panic_of_the_thread_that_draws_gives_the_terminal_back_and_is_read_below",
            || {
                let mut screen = Screen::begin(true).unwrap();
                screen.show(&view_of_a_job()).unwrap();
                panic!("in the middle of the picture");
            },
        );
        if let Some(told) = told {
            told.assert_whole("in the middle of the picture");
        }
    }

    #[test]
    fn a_panic_of_another_thread_leaves_the_picture_and_is_read_below() {
        let told = on_a_terminal(
            "watch::screen::tests::a_panic_of_another_thread_leaves_the_picture_and_is_read_below",
            || {
                let mut screen = Screen::begin(true).unwrap();
                thread::spawn(|| panic!("beside the picture")).join().unwrap_err();
                screen.show(&view_of_a_job()).unwrap();
            },
        );
        if let Some(told) = told {
            told.assert_whole("beside the picture");
        }
    }
}
