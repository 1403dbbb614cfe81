//! `outcrop chat`: a conversation.
//!
//! 1. A turn that fails or is interrupted leaves the conversation usable: what came of the answer is part of
//!    it, a question without any answer is kept for `/retry`.
//! 2. Nothing of a conversation is left out in silence: where it is shortened, that is said, and the history
//!    keeps the original.
//! 3. Without a terminal each line of stdin is a turn, and nothing is waited for but that.

mod command;
mod compact;
mod complete;
mod export;
mod input;
mod lines;
mod talking;

use std::io::IsTerminal;
use std::process::ExitCode;

use self::command::Next;
use self::input::{Input, Said};
use self::talking::{Talking, note};
use crate::cli::ChatArgs;
use crate::exit::{Exit, code_of};
use crate::history::is_off;
use crate::roles;

pub async fn run(args: ChatArgs) -> anyhow::Result<ExitCode> {
    if let Some(name) = &args.role.save {
        roles::save(name, (&args.ask, &args.terms), &args.prompt.join(" "))?;
        return Ok(ExitCode::SUCCESS);
    }
    let is_live = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    let mut talking = Talking::begin(&args).await?;
    let mut input = match is_live {
        true => Input::editor(&args.show, args.keep.no_save || is_off())?,
        false => Input::lines()?,
    };
    if is_live {
        note!("{}", talking.greeting());
    }
    let outcome = converse(&args, &mut talking, &mut input).await;
    talking.end().await;
    let code = outcome?;
    Ok(match is_live {
        // Who talks has seen what failed.
        true => ExitCode::SUCCESS,
        false => ExitCode::from(code),
    })
}

/// Turn after turn; the code of the first failure, for scripts.
async fn converse(args: &ChatArgs, talking: &mut Talking, input: &mut Input) -> anyhow::Result<u8> {
    let mut code = 0;
    let mut first = Some(args.prompt.join(" ")).filter(|prompt| !prompt.trim().is_empty());
    let mut attached = false;
    loop {
        let said = match first.take() {
            Some(prompt) => Said::Text(prompt),
            None => input.next().await?,
        };
        let text = match said {
            Said::Text(text) if text.trim().is_empty() => continue,
            Said::Text(text) => text,
            Said::Nothing => continue,
            Said::Interrupted => return Ok(Exit::Interrupted.code()),
            Said::End => return Ok(code),
        };
        let outcome = match command::parse(&text) {
            Some(command) => command::run(command, talking).await,
            None => {
                if !std::mem::replace(&mut attached, true) {
                    talking.attach(&args.ask.file).await?;
                }
                talking.ask(&text).await.map(|()| Next::Goes)
            }
        };
        match outcome {
            Ok(Next::Goes) => {}
            Ok(Next::Ends) => return Ok(code),
            Err(error) if crate::print::reader_left(&error) => return Err(error),
            Err(error) => {
                let is_interrupt = code_of(&error) == Exit::Interrupted.code();
                match is_interrupt && input.is_live() {
                    true => note(&format!("{error:#}")),
                    false => note!("error: {error:#}"),
                }
                code = if code == 0 { code_of(&error) } else { code };
                if is_interrupt && !input.is_live() {
                    return Ok(code_of(&error));
                }
            }
        }
    }
}
