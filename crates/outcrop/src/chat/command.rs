//! The commands of a chat.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::export::export;
use super::talking::{Talking, note};
use crate::ask::SYSTEM;
use crate::cli::session_name;
use crate::exit::{Exit, Failure};
use crate::history::words;
use crate::table::line;

/// How much of a question a list shows, in characters.
const GLIMPSE: usize = 70;

/// Names, what follows them, and what they do.
pub const COMMANDS: [(&str, &str, &str); 15] = [
    ("/help", "", "list these commands"),
    ("/model", "[NAME]", "show the model, or take another"),
    ("/system", "[TEXT|-]", "show the system prompt, set it, or (-) take it away"),
    ("/file", "PATH…", "attach files to the next question"),
    ("/tools", "", "list the tools that the model may use"),
    ("/cost", "", "what this chat took so far"),
    ("/context", "", "how much of the model's window is taken"),
    ("/undo", "", "take the last turn back"),
    ("/retry", "", "ask the last question again"),
    ("/history", "", "what was asked in this conversation"),
    ("/save", "NAME", "name this session"),
    (
        "/export",
        "[FILE]",
        "write the conversation: Markdown, or .json or .html by the file's ending",
    ),
    ("/clear", "", "begin a new conversation"),
    ("/exit", "", "leave"),
    ("/quit", "", "leave"),
];

/// A command with what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    name: String,
    rest: String,
}

/// What comes after a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Goes,
    Ends,
}

/// The command that a text is, if it begins like one.
pub fn parse(text: &str) -> Option<Command> {
    let text = text.strip_prefix('/').map(|_| text.trim_end())?;
    let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    Some(Command { name: name.to_owned(), rest: rest.trim().to_owned() })
}

pub async fn run(command: Command, talking: &mut Talking) -> anyhow::Result<Next> {
    let Command { name, rest } = command;
    match name.as_str() {
        "/help" => help(),
        "/model" => model(talking, &rest).await?,
        "/system" => system(talking, &rest),
        "/file" => file(talking, &rest).await?,
        "/tools" => tools(talking),
        "/cost" => cost(talking),
        "/context" => context(talking),
        "/undo" => note(&format!("Taken back: {}", line(&talking.undo()?, GLIMPSE))),
        "/retry" => talking.retry().await?,
        "/history" => history(talking),
        "/save" => save(talking, &rest)?,
        "/export" => export(talking, &rest)?,
        "/clear" => {
            talking.clear();
            note("A new conversation begins; the history keeps the other.");
        }
        "/exit" | "/quit" => return Ok(Next::Ends),
        name => return Err(unknown(name).into()),
    }
    Ok(Next::Goes)
}

fn unknown(name: &str) -> Failure {
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    Failure::new(Exit::Usage, format!("There is no command {name}."))
        .mend("/help lists them; a space before the slash makes it a question.")
}

fn help() {
    for (name, rest, does) in COMMANDS {
        note(&format!("{:<20} {does}", format!("{name} {rest}")));
    }
    note("Alt-Enter, \\ at a line's end, or ::: before and after makes more lines.");
    note("Ctrl-C stops an answer and keeps what came; Ctrl-D leaves.");
}

async fn model(talking: &mut Talking, name: &str) -> anyhow::Result<()> {
    if !name.is_empty() {
        talking.window = talking.window_of(name).await?;
        talking.talk.settings.insert("model".to_owned(), name.into());
    }
    note(&format!("The model is {}.", talking.model()));
    Ok(())
}

fn system(talking: &mut Talking, text: &str) {
    let messages = &mut talking.talk.messages;
    let is_system = |message: &Value| message["role"] == SYSTEM;
    let had = messages.iter().position(is_system);
    match (text, had) {
        ("", Some(at)) => return note(&words(&messages[at]["content"])),
        ("", None) => return note("There is no system prompt."),
        ("-", Some(at)) => {
            messages.remove(at);
            talking.turns.iter_mut().for_each(|turn| turn.from -= 1);
        }
        ("-", None) => {}
        (text, Some(at)) => messages[at]["content"] = text.into(),
        (text, None) => {
            messages.insert(0, json!({ "role": SYSTEM, "content": text }));
            talking.turns.iter_mut().for_each(|turn| turn.from += 1);
        }
    }
    note("It holds from the next question on.");
}

async fn file(talking: &mut Talking, rest: &str) -> anyhow::Result<()> {
    let paths: Vec<PathBuf> = names(rest)?.into_iter().map(PathBuf::from).collect();
    if paths.is_empty() {
        return Err(Failure::new(Exit::Usage, "No file is named.")
            .mend("/file PATH attaches one.")
            .into());
    }
    talking.attach(&paths).await?;
    let files = if paths.len() == 1 { "1 file goes" } else { "The files go" };
    note(&format!("{files} with the next question."));
    Ok(())
}

/// Names of files, as a shell would read them.
///
/// # Errors
/// A quote that is not closed.
pub fn names(rest: &str) -> anyhow::Result<Vec<String>> {
    shlex::split(rest).ok_or_else(|| {
        Failure::new(Exit::Usage, "A quote is not closed.")
            .mend("A name with a space stands between two of them.")
            .into()
    })
}

fn tools(talking: &Talking) {
    let tools = talking.tools();
    if tools.is_empty() {
        note("The model has no tools; --server or --mcp-config gives it some.");
    }
    for tool in tools {
        let function = &tool["function"];
        let text = |name: &str| function[name].as_str().unwrap_or_default().to_owned();
        note(&format!("{}  {}", text("name"), line(&text("description"), GLIMPSE)));
    }
}

fn cost(talking: &Talking) {
    let total = &talking.total;
    let unpriced = match total.unpriced {
        0 => String::new(),
        n => format!("; {n} of {} have no known price", total.turns),
    };
    note(&format!("{} tokens in, {} out, ${}{unpriced}", total.input, total.output, total.cost));
}

fn context(talking: &Talking) {
    let messages = talking.talk.messages.len();
    let of = match talking.window {
        Some(window) if window > 0 => {
            format!(" of {window} ({}%)", talking.used * 100 / window)
        }
        Some(_) | None => " (the model's window is not known)".to_owned(),
    };
    note(&format!("{messages} messages, about {} tokens{of}", talking.used));
}

fn history(talking: &Talking) {
    if talking.turns.is_empty() {
        note("Nothing was asked yet.");
    }
    for (at, turn) in talking.turns.iter().enumerate() {
        let question = words(&talking.talk.messages[turn.from]["content"]);
        note(&format!("{}. {}", at + 1, line(&question, GLIMPSE)));
    }
}

fn save(talking: &mut Talking, name: &str) -> anyhow::Result<()> {
    let wrong = |why| Failure::new(Exit::Usage, format!("/save NAME: {why}."));
    session_name(name).map_err(wrong)?;
    talking.recorder.rename(name)?;
    let quoted = shlex::try_quote(name)?;
    note(&format!("`outcrop chat --session {quoted}` goes on with it."));
    Ok(())
}
