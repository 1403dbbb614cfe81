//! `outcrop models default`: the models of questions and of vectors that name none.

use outcrop_model::{Catalog, alias};

use super::kind_of;
use crate::ask::DEFAULT_MODEL;
use crate::cli::{DefaultModelArgs, EMBED_MODEL, Kind};
use crate::engine::meant;
use crate::exit::{Exit, Failure};
use crate::print::print_said;
use crate::settings::{Settings, verbs};

pub fn run(args: &DefaultModelArgs) -> anyhow::Result<()> {
    match &args.chosen {
        None => show(args),
        Some(model) => set(args, model),
    }
}

/// As `outcrop query` and `outcrop embed` would have them here.
fn show(args: &DefaultModelArgs) -> anyhow::Result<()> {
    let settings = Settings::load(args.settings.as_deref(), None)?;
    let of_files = |command: &str| settings.as_ref()?.default_model(command);
    let variable = std::env::var("OUTCROP_MODEL").ok().filter(|model| !model.is_empty());
    let chat = variable.or_else(|| of_files("query"));
    let chat = chat.unwrap_or_else(|| DEFAULT_MODEL.to_owned());
    let vectors = of_files("embed").unwrap_or_else(|| EMBED_MODEL.to_owned());
    print_said(&format!("chat     {chat}\nvectors  {vectors}\n"))
}

/// The model's kind decides whose default it becomes. One that nobody has described, such as an ARN, chats.
fn set(args: &DefaultModelArgs, model: &str) -> anyhow::Result<()> {
    let key = match kind_of(model) {
        Kind::Chat => "provider.default_model",
        Kind::Embeddings => "embedding.default_model",
        Kind::Images | Kind::Rerank => {
            let what = format!("`{model}` neither chats nor makes vectors.");
            return Err(Failure::new(Exit::InvalidArgument, what).into());
        }
    };
    let catalog = Catalog::built_in();
    let id = alias::resolve(model).id;
    if catalog.specialist(&id).is_none() && !catalog.is_known(&id) && !id.starts_with("arn:") {
        let hint = meant(model).unwrap_or_else(|| "`outcrop models` lists some.".to_owned());
        note!("note: nothing is known of `{model}`. {hint}");
    }
    verbs::set(args.settings.as_deref(), key, model)
}
