//! `outcrop keys`: the file of keys, changed by hand of its owner.
//!
//! A secret goes to stdout and nowhere else, so that a shell can take it as it is.

use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use jiff::Timestamp;
use outcrop_core::admit::{Hidden, KeyFile, Kind, Minted, Record, mint, token_hash};
use serde_json::{Value, json};

use crate::cli::keys::{CreateArgs, KeysVerb, ListArgs, RevokeArgs, RotateArgs, StoreFile};
use crate::print::{print_line, print_text};

pub fn run(verb: KeysVerb) -> anyhow::Result<()> {
    match verb {
        KeysVerb::Create(args) => create(args),
        KeysVerb::List(args) => list(&args),
        KeysVerb::Revoke(args) => revoke(&args),
        KeysVerb::Rotate(args) => rotate(&args),
    }
}

fn create(args: CreateArgs) -> anyhow::Result<()> {
    let CreateArgs { name, file, kind, owner, tag, expires, model, route, surface, json } = args;
    let now = SystemTime::now();
    if expires.is_some_and(|at| at <= now) {
        bail!("nobody could use the key: the time of --expires has passed; give a later one");
    }
    let record = Record {
        name,
        owner,
        expires: expires.map(written).transpose()?,
        models: model,
        routes: route,
        surfaces: surface.iter().map(|surface| surface.as_str().to_owned()).collect(),
        tags: tag.into_iter().collect(),
        ..Record::default()
    };
    let (record, minted) = filled(record, kind.into(), now)?;
    let stored = record.clone();
    opened(&file).edit(|keys| {
        if keys.iter().any(|key| key.name == stored.name) {
            return Err(format!(
                "there is a key {0} already; `outcrop keys rotate {0}` gives it a new secret",
                stored.name
            ));
        }
        keys.push(stored);
        Ok(())
    })?;
    show(&record, &minted, json)
}

fn rotate(args: &RotateArgs) -> anyhow::Result<()> {
    let RotateArgs { name, file, grace, expires, json } = args;
    let now = SystemTime::now();
    let (record, minted) = opened(file).edit(|keys| {
        let old = keys.iter().rev().find(|key| key.name == *name).ok_or_else(|| missing(name))?;
        let expires = match expires {
            Some(at) => Some(written(*at).map_err(|error| error.to_string())?),
            None => old.expires.clone(),
        };
        let fresh = Record {
            token_hash: None,
            access_key_id: None,
            secret_access_key: None,
            expires,
            ..old.clone()
        };
        if fresh.expires_at()?.is_some_and(|at| at <= now) {
            return Err(format!("the key {name} has expired; give a new time with --expires"));
        }
        let (record, minted) = filled(fresh, old.kind(), now).map_err(|error| error.to_string())?;
        retire(keys, name, (now, *grace))?;
        keys.push(record.clone());
        Ok((record, minted))
    })?;
    show(&record, &minted, *json)
}

/// Lets all secrets of a key end with the grace; those that have ended already go.
fn retire(
    keys: &mut Vec<Record>,
    name: &str,
    (now, grace): (SystemTime, Duration),
) -> Result<(), String> {
    let end = now.checked_add(grace).ok_or("the grace is too long")?;
    for key in keys.iter_mut().filter(|key| key.name == name) {
        let end = key.expires_at()?.map_or(end, |at| at.min(end));
        key.expires = Some(written(end).map_err(|error| error.to_string())?);
    }
    keys.retain(|key| key.name != name || !has_ended(key, now));
    Ok(())
}

fn has_ended(key: &Record, now: SystemTime) -> bool {
    key.expires_at().ok().flatten().is_some_and(|at| at <= now)
}

fn revoke(args: &RevokeArgs) -> anyhow::Result<()> {
    let RevokeArgs { name, file } = args;
    opened(file).edit(|keys| {
        let before = keys.len();
        keys.retain(|key| key.name != *name);
        if keys.len() == before { Err(missing(name)) } else { Ok(()) }
    })?;
    note!("revoked {name}");
    Ok(())
}

fn list(args: &ListArgs) -> anyhow::Result<()> {
    let keys = opened(&args.file).read()?;
    if args.json {
        let keys: Vec<Value> = keys.iter().map(told).collect();
        return print_text(&format!("{:#}\n", json!({ "keys": keys })));
    }
    if keys.is_empty() {
        note!("no keys; `outcrop keys create NAME` makes one");
    }
    let now = SystemTime::now();
    let rows: Vec<[String; 5]> = keys.iter().map(|key| row(key, now)).collect();
    let head = ["NAME", "KIND", "OWNER", "EXPIRES", "FOR"].map(str::to_owned);
    for cells in std::iter::once(&head).chain(&rows) {
        let mut line = String::new();
        for (at, cell) in cells.iter().enumerate() {
            let column = std::iter::once(&head).chain(&rows).map(|row| row[at].chars().count());
            let width = if at + 1 == cells.len() { 0 } else { column.max().unwrap_or(0) + 2 };
            line.push_str(&format!("{cell:width$}"));
        }
        print_line(line.trim_end())?;
    }
    Ok(())
}

fn row(key: &Record, now: SystemTime) -> [String; 5] {
    let parts = [("models", &key.models), ("routes", &key.routes), ("surfaces", &key.surfaces)];
    let scopes = parts.iter().filter(|(_, list)| !list.is_empty());
    let scopes: Vec<String> =
        scopes.map(|(what, list)| format!("{what} {}", list.join(", "))).collect();
    [
        key.name.clone(),
        kind_word(key.kind()).to_owned(),
        key.owner.clone().unwrap_or_else(|| "-".to_owned()),
        match &key.expires {
            None => "never".to_owned(),
            Some(time) if has_ended(key, now) => format!("{time} (over)"),
            Some(time) => time.clone(),
        },
        if scopes.is_empty() { "anything".to_owned() } else { scopes.join("; ") },
    ]
}

/// A key as JSON, without its secret.
fn told(key: &Record) -> Value {
    let mut told = json!({
        "name": key.name,
        "kind": kind_word(key.kind()),
        "owner": key.owner,
        "created": key.created,
        "expires": key.expires,
        "models": key.models,
        "routes": key.routes,
        "surfaces": key.surfaces,
        "tags": key.tags,
    });
    if let Some(id) = &key.access_key_id {
        told["access_key_id"] = id.as_str().into();
    }
    told
}

/// Prints a new secret. If nobody sees it, the key is of no use, but it is there.
fn show(record: &Record, minted: &Minted, as_json: bool) -> anyhow::Result<()> {
    let text = match (as_json, minted) {
        (false, Minted::Token(token)) => format!("{token}\n"),
        (false, Minted::Pair { access_key_id, secret_access_key }) => format!(
            "AWS_ACCESS_KEY_ID={access_key_id}\nAWS_SECRET_ACCESS_KEY={secret_access_key}\n"
        ),
        (true, minted) => {
            let mut told = told(record);
            match minted {
                Minted::Token(token) => told["token"] = token.as_str().into(),
                Minted::Pair { access_key_id: _, secret_access_key } => {
                    told["secret_access_key"] = secret_access_key.as_str().into();
                }
            }
            format!("{told:#}\n")
        }
    };
    print_text(&text).with_context(|| {
        format!("the key {} is made, but nobody has seen its secret: rotate it", record.name)
    })
}

/// The record with a new secret in it.
fn filled(record: Record, kind: Kind, now: SystemTime) -> anyhow::Result<(Record, Minted)> {
    let minted = mint(kind).map_err(anyhow::Error::msg)?;
    let record = Record { created: written(now)?, ..record };
    let record = match &minted {
        Minted::Token(token) => Record { token_hash: Some(token_hash(token)), ..record },
        Minted::Pair { access_key_id, secret_access_key } => Record {
            access_key_id: Some(access_key_id.clone()),
            secret_access_key: Some(Hidden(secret_access_key.clone())),
            ..record
        },
    };
    Ok((record, minted))
}

fn opened(file: &StoreFile) -> KeyFile {
    KeyFile::new(&file.store)
}

fn missing(name: &str) -> String {
    format!("there is no key {name}; `outcrop keys list` shows those there are")
}

fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Token => "token",
        Kind::Pair => "aws-pair",
    }
}

/// In whole seconds.
fn written(at: SystemTime) -> anyhow::Result<String> {
    let at = Timestamp::try_from(at).context("no such time")?;
    Ok(Timestamp::from_second(at.as_second())?.to_string())
}
