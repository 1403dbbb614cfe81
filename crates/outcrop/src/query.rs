//! `outcrop query`: one question, one answer.

mod show;

use serde_json::{Value, json};

use self::show::Show;
use crate::ask::stdin::{self, Wanted};
use crate::ask::turn::{End, Outcome, turn};
use crate::ask::{self, attach};
use crate::cli::QueryArgs;
use crate::engine::Engine;
use crate::exit::{Exit, Failure};
use crate::history::{Asked, Begun, Recorder};
use crate::mcp::Toolbox;
use crate::roles::{self, Role};

pub async fn run(args: QueryArgs) -> anyhow::Result<()> {
    if let Some(name) = &args.role.save {
        return roles::save(name, &args.ask, &args.prompt.join(" "));
    }
    let role = Role::of(&args.role)?;
    let (mut recorder, told) = Recorder::open(&args.keep)?;
    let mut talk = ask::talk(&args.ask, role.as_ref(), told)?;
    let begun = Begun::now(&talk);
    let mut content = content(&args).await?;
    if let Some(role) = &role {
        role.put_question(&mut content);
    }
    talk.messages.push(json!({ "role": "user", "content": content }));
    let engine = Engine::start(&args.engine).await?;
    let mut show = Show::new(&args.show)?;
    let mut tools = Toolbox::open(&args.tools).await?;
    let most = tools.most();
    let outcome = turn(&engine, &mut talk, (&mut tools, most), &mut show).await;
    tools.close().await;
    recorder.record(begun.end(&talk, &outcome, &Asked::of(&args.engine)));
    show.end(&outcome)?;
    verdict(outcome)
}

/// Whether the answer is one.
fn verdict(outcome: Outcome) -> anyhow::Result<()> {
    match outcome.end {
        End::Failed(error) => return Err(error),
        End::Interrupted => {
            return Err(Failure::new(Exit::Interrupted, "Interrupted.").into());
        }
        End::OutOfTurns => {
            let what = format!(
                "The model was asked {} times and still wants to use tools.",
                outcome.spent.requests
            );
            return Err(Failure::new(Exit::Budget, what).mend("--max-turns allows more.").into());
        }
        End::Whole => {}
    }
    match outcome.last.finish_reason.as_deref() {
        Some("content_filter") => {
            Err(Failure::new(Exit::Refused, "The answer was withheld by a content filter.").into())
        }
        _ => Ok(()),
    }
}

/// The question, then what is piped in, then the files.
async fn content(args: &QueryArgs) -> anyhow::Result<Vec<Value>> {
    let prompt = args.prompt.join(" ");
    let names_stdin = prompt == "-" || args.ask.file.iter().any(|file| file.as_os_str() == "-");
    let prompt = Some(prompt).filter(|prompt| prompt != "-" && !prompt.trim().is_empty());
    let wanted = match names_stdin || (prompt.is_none() && args.ask.file.is_empty()) {
        true => Wanted::Surely,
        false => Wanted::IfAny,
    };
    let nothing = || {
        Failure::new(Exit::Usage, "There is no question.")
            .mend("Say one, as in: outcrop query \"What is Bedrock?\"")
    };
    if prompt.is_none() && !names_stdin && args.ask.file.is_empty() {
        use std::io::IsTerminal;
        if std::io::stdin().is_terminal() {
            return Err(nothing().into());
        }
    }
    let piped = stdin::read(wanted)?;
    let mut parts = Vec::new();
    match (prompt, piped) {
        (None, None) if args.ask.file.is_empty() => return Err(nothing().into()),
        (None, None) => {}
        (Some(prompt), piped) => {
            parts.push(text(&prompt));
            parts.extend(piped.map(|bytes| attach::part("stdin", bytes)).transpose()?);
        }
        (None, Some(bytes)) => match String::from_utf8(bytes) {
            Ok(question) => parts.push(text(&question)),
            Err(error) => parts.push(attach::part("stdin", error.into_bytes())?),
        },
    }
    let files: Vec<_> =
        args.ask.file.iter().filter(|file| file.as_os_str() != "-").cloned().collect();
    parts.extend(attach::all(&files).await?);
    Ok(parts)
}

fn text(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}
