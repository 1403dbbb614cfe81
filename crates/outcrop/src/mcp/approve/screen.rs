//! The terminal as it is before a question.
//!
//! A question reads keys without their echo. Its thread does not end with whoever asked, so that on a signal
//! nobody else would give the terminal back.

#[cfg(unix)]
pub use self::unix::Screen;

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::io::{IsTerminal, Write};

    use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

    /// Given back when it is dropped, unless it is as it was.
    pub struct Screen(Option<(File, Termios)>);

    impl Screen {
        /// Where there is no terminal, there is nothing to give back.
        pub fn save() -> Self {
            Self(File::open("/dev/tty").ok().and_then(|file| {
                let modes = file.is_terminal().then(|| tcgetattr(&file).ok())??;
                Some((file, modes))
            }))
        }

        pub fn is_as_it_was(&mut self) {
            self.0 = None;
        }
    }

    impl Drop for Screen {
        fn drop(&mut self) {
            let Some((file, modes)) = self.0.take() else { return };
            // A terminal that is gone needs nothing.
            let _gone = tcsetattr(&file, OptionalActions::Now, &modes);
            // The cursor is hidden while a list is shown, and stands in it.
            let _gone = std::io::stderr().write_all(b"\x1b[?25h\n");
        }
    }
}

#[cfg(not(unix))]
pub struct Screen;

#[cfg(not(unix))]
impl Screen {
    pub fn save() -> Self {
        Self
    }

    pub fn is_as_it_was(&mut self) {}
}
