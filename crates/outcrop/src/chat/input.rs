//! What is said next: from a line editor, or from stdin line by line.

use std::borrow::Cow;
use std::io::BufRead;

use reedline::{
    ColumnarMenu, EditCommand, Emacs, FileBackedHistory, KeyCode, KeyModifiers, Keybindings,
    MenuBuilder, Prompt, PromptEditMode, PromptHistorySearch, Reedline, ReedlineEvent,
    ReedlineMenu, Signal, ValidationResult, Validator, Vi, default_emacs_keybindings,
    default_vi_insert_keybindings, default_vi_normal_keybindings, default_vi_visual_keybindings,
};
use tokio::sync::mpsc;

use super::complete::Words;
use super::lines;
use crate::cli::ChatShowArgs;
use crate::exit::{Exit, Failure};
use crate::history::keep_private;
use crate::home::Home;
use crate::print::is_colourful;
use crate::stop::Stop;

/// Where the line editor keeps what was typed, in the user's data folder.
const FILE: &str = "typed.txt";
/// How many entries it keeps.
const MOST: usize = 5000;
const MENU: &str = "completions";
/// Before what is typed.
const ASKS: &str = "> ";

/// Where texts come from.
pub enum Input {
    Editor(Box<Reedline>),
    Lines { lines: mpsc::Receiver<std::io::Result<String>>, stop: Stop },
}

/// What came.
#[derive(Debug)]
pub enum Said {
    Text(String),
    /// What was being typed was given up.
    Nothing,
    /// Stdin's lines were interrupted.
    Interrupted,
    End,
}

struct Mark;

struct Whole;

// === impl Input ===

impl Input {
    /// A line editor; `forgets` keeps nothing of what is typed.
    pub fn editor(args: &ChatShowArgs, forgets: bool) -> anyhow::Result<Self> {
        let menu = Box::new(ColumnarMenu::default().with_name(MENU).with_marker(ASKS));
        let mut editor = Reedline::create()
            .use_bracketed_paste(true)
            .with_ansi_colors(is_colourful(&std::io::stderr()))
            .with_validator(Box::new(Whole))
            .with_completer(Box::new(Words::new()))
            .with_quick_completions(true)
            .with_menu(ReedlineMenu::EngineCompleter(menu));
        editor = match args.vi {
            true => {
                let mut insert = default_vi_insert_keybindings();
                bind(&mut insert);
                editor.with_edit_mode(Box::new(Vi::new(
                    insert,
                    default_vi_normal_keybindings(),
                    default_vi_visual_keybindings(),
                )))
            }
            false => {
                let mut keys = default_emacs_keybindings();
                bind(&mut keys);
                editor.with_edit_mode(Box::new(Emacs::new(keys)))
            }
        };
        if !forgets {
            match typed() {
                Ok(history) => editor = editor.with_history(Box::new(history)),
                Err(error) => note!("warning: what is typed is not kept: {error:#}"),
            }
        }
        Ok(Self::Editor(Box::new(editor)))
    }

    /// The lines of stdin.
    pub fn lines() -> anyhow::Result<Self> {
        let (sender, lines) = mpsc::channel(1);
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines() {
                if sender.blocking_send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Self::Lines { lines, stop: Stop::watch()? })
    }

    pub fn is_live(&self) -> bool {
        matches!(self, Self::Editor(_))
    }

    /// The next text, all its lines together.
    pub async fn next(&mut self) -> anyhow::Result<Said> {
        match self {
            Self::Editor(editor) => {
                let typed = tokio::task::block_in_place(|| editor.read_line(&Mark));
                Ok(match typed.map_err(anyhow::Error::from)? {
                    Signal::Success(text) => Said::Text(lines::meant(&text)),
                    Signal::CtrlC | Signal::HostCommand(_) | Signal::ExternalBreak(_) => {
                        Said::Nothing
                    }
                    Signal::CtrlD => Said::End,
                    _ => Said::Nothing,
                })
            }
            Self::Lines { lines, stop } => {
                let mut text = String::new();
                loop {
                    let line = tokio::select! {
                        biased;
                        _ = stop.asked() => return Ok(Said::Interrupted),
                        line = lines.recv() => line,
                    };
                    match line {
                        None if text.is_empty() => return Ok(Said::End),
                        None => {
                            note!(
                                "note: the last text has no end of its own; it is asked as it is"
                            );
                            return Ok(Said::Text(lines::meant(&text)));
                        }
                        Some(line) => text.push_str(&line.map_err(unreadable)?),
                    }
                    if lines::is_complete(&text) {
                        return Ok(Said::Text(lines::meant(&text)));
                    }
                    text.push('\n');
                }
            }
        }
    }
}

fn unreadable(error: std::io::Error) -> Failure {
    Failure::new(Exit::Attachment, format!("Cannot read stdin: {error}."))
}

/// What was typed before, in a file that only its owner can read.
fn typed() -> anyhow::Result<FileBackedHistory> {
    let path = Home::find()?.data.join(FILE);
    keep_private(&path)?;
    Ok(FileBackedHistory::with_file(MOST, path)?)
}

fn bind(keys: &mut Keybindings) {
    let complete = ReedlineEvent::UntilFound(vec![
        ReedlineEvent::Menu(MENU.to_owned()),
        ReedlineEvent::MenuNext,
    ]);
    keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, complete);
    keys.add_binding(KeyModifiers::SHIFT, KeyCode::BackTab, ReedlineEvent::MenuPrevious);
    let newline = || ReedlineEvent::Edit(vec![EditCommand::InsertNewline]);
    keys.add_binding(KeyModifiers::ALT, KeyCode::Enter, newline());
}

// === impl Whole ===

impl Validator for Whole {
    fn validate(&self, text: &str) -> ValidationResult {
        match lines::is_complete(text) {
            true => ValidationResult::Complete,
            false => ValidationResult::Incomplete,
        }
    }
}

// === impl Mark ===

impl Prompt for Mark {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        "".into()
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        "".into()
    }

    fn render_prompt_indicator(&self, mode: PromptEditMode) -> Cow<'_, str> {
        match mode {
            PromptEditMode::Vi(reedline::PromptViMode::Normal) => ": ".into(),
            _ => ASKS.into(),
        }
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        "| ".into()
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        format!("(search: {}) ", search.term).into()
    }
}
