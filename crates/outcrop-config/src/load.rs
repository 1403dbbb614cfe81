//! Texts in any of the formats to one configuration.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::compile::{self, Finding};
use crate::config::Config;
use crate::document::{self, Document, Node, Rewrite, Token};
use crate::front::{FRONT_ENDS, Reading};
use crate::origin::{Diagnostic, Origin, Severity};
use crate::variables::deck::ready_for_yaml;
use crate::variables::{Lookup, Variables, interpolate};

/// A text and its name, which is a file's name as the operator gave it.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    pub name: &'a str,
    pub text: &'a str,
}

/// All of `sources` as one configuration, and everything that is to be said of them, in their order.
///
/// Where there is an [`Error`](Severity::Error), what it is about is left out, and nothing else. No
/// source at all is a configuration too: one backend from the environment, and all requests go to it.
pub fn load(sources: &[Source<'_>], lookup: &dyn Lookup) -> (Config, Vec<Diagnostic>) {
    let Read { documents, tokens: _, reading } = read(sources, lookup);
    let (items, mut diagnostics) = (reading.items, reading.diagnostics);
    let (config, findings) = compile::compile(items, has_errors(&diagnostics));
    diagnostics.extend(findings.into_iter().map(|finding| pinpoint(finding, &documents)));
    if let Some(first) = sources.first() {
        // What is about no place is about all that was given.
        let placeless = diagnostics.iter_mut().filter(|one| one.origin.source.is_empty());
        placeless.for_each(|one| first.name.clone_into(&mut one.origin.source));
    }
    // What several items refer to is read for each of them.
    let mut said = HashSet::new();
    diagnostics.retain(|diagnostic| said.insert(diagnostic.clone()));
    let order: HashMap<&str, usize> =
        sources.iter().enumerate().map(|(index, source)| (source.name, index)).collect();
    diagnostics.sort_by_key(|diagnostic| {
        let origin = &diagnostic.origin;
        (order.get(origin.source.as_str()).copied(), origin.line, origin.column)
    });
    (config, diagnostics)
}

/// What front ends made of texts.
pub(crate) struct Read<'a> {
    pub(crate) documents: Vec<Document>,
    /// Of each text.
    pub(crate) tokens: Vec<Vec<Token>>,
    pub(crate) reading: Reading<'a>,
}

pub(crate) fn read<'a>(sources: &[Source<'_>], lookup: &'a dyn Lookup) -> Read<'a> {
    let mut reading = Reading::new(lookup);
    let (mut documents, mut tokens) = (Vec::new(), Vec::new());
    for source in sources {
        let parsed = document::parse_all(source.name, &ready_for_yaml(source.text));
        documents.extend(parsed.documents);
        tokens.push(parsed.tokens);
        reading.diagnostics.extend(parsed.diagnostics);
    }
    let owners = owners(&documents, &mut reading);
    for (document, owners) in documents.iter_mut().zip(&owners) {
        if let Some(first) = owners.first() {
            put_variables_in(&mut document.root, FRONT_ENDS[*first].variables(), &mut reading);
        }
    }
    for (index, front_end) in FRONT_ENDS.iter().enumerate() {
        let own: Vec<&Document> = documents
            .iter()
            .zip(&owners)
            .filter(|(_, owners)| owners.contains(&index))
            .map(|(document, _)| document)
            .collect();
        if !own.is_empty() {
            front_end.read(&own, &mut reading);
        }
    }
    reading.tell_of_unused_secrets();
    let claimed = documents.iter().zip(&owners).filter(|(_, owners)| !owners.is_empty());
    tell_of_unread(claimed.map(|(document, _)| document), &mut reading.diagnostics);
    if let Some(first) = sources.first().filter(|_| reading.items.is_empty()) {
        // A file that was emptied by mistake must not open the gateway to all.
        let origin = Origin { source: first.name.to_owned(), ..Origin::default() };
        let what = "nothing in what was given says what to serve";
        let hint = "give no file at all to serve what the AWS environment says";
        reading.diagnostics.push(Diagnostic::error(origin, what).hint(hint));
    }
    Read { documents, tokens, reading }
}

/// Which of [`FRONT_ENDS`] claim each of the documents.
fn owners(documents: &[Document], reading: &mut Reading<'_>) -> Vec<Vec<usize>> {
    let mut owners = Vec::with_capacity(documents.len());
    for document in documents {
        let claims = |index: &usize| FRONT_ENDS[*index].claims(&document.root);
        let own: Vec<usize> = (0..FRONT_ENDS.len()).filter(claims).collect();
        if own.is_empty() {
            let names: Vec<&str> = FRONT_ENDS.iter().map(|end| end.name()).collect();
            let Origin { source, line, .. } = document.root.origin();
            let what = match line {
                0 | 1 => "this document is of no known format".to_owned(),
                line => format!("the document at line {line} is of no known format"),
            };
            // Nobody knows which lines of it may be shown: it may be a file of secrets.
            let whole = Origin { source, ..Origin::default() };
            reading.say(
                Diagnostic::error(whole, what).hint(format!("known are: {}", names.join(", "))),
            );
        }
        owners.push(own);
    }
    owners
}

pub(crate) fn put_variables_in(root: &mut Node, variables: Variables, reading: &mut Reading<'_>) {
    let lookup = reading.lookup();
    root.rewrite(&mut |text, origin| match interpolate(text, variables, lookup) {
        Ok(new) if new == text => Rewrite::Same,
        Ok(new) => Rewrite::To(new.into_owned()),
        Err(unresolved) => {
            let mut diagnostic = Diagnostic::error(origin, unresolved.what);
            diagnostic.hint = unresolved.hint;
            reading.say(diagnostic);
            Rewrite::Broken
        }
    });
}

/// One notice for each member that no front end read, however often a source has it.
fn tell_of_unread<'d>(
    documents: impl Iterator<Item = &'d Document>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut seen: BTreeMap<(&str, Option<&str>, String), (usize, usize)> = BTreeMap::new();
    for document in documents {
        let kind = document.root.peek("kind").and_then(Node::text);
        for node in document.root.unread() {
            let key = (&*document.source, kind, without_indexes(node.path()));
            if let Some((_, count)) = seen.get_mut(&key) {
                *count += 1;
                continue;
            }
            let of = kind.map(|kind| format!(" of {kind}")).unwrap_or_default();
            let what = format!("`{}`{of} is read and not honoured", key.2);
            seen.insert(key, (diagnostics.len(), 1));
            diagnostics.push(Diagnostic::notice(node.origin(), what));
        }
    }
    for (index, count) in seen.into_values().filter(|(_, count)| *count > 1) {
        let what = &mut diagnostics[index].what;
        what.push_str(&format!(" ({count} times in this file)"));
    }
}

/// `a[0].b[12]` as `a[].b[]`.
fn without_indexes(path: &str) -> String {
    let mut pieces = path.split('[');
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        out.push('[');
        out.push_str(piece.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    out
}

/// What was found of an item, in the place of the member that it is about.
fn pinpoint(finding: Finding, documents: &[Document]) -> Diagnostic {
    let Finding { mut diagnostic, member } = finding;
    let item = &diagnostic.origin;
    let place = documents
        .iter()
        .filter(|document| *document.source == *item.source)
        .map(|document| document.root.nearest(&item.path))
        .find(|node| node.origin() == *item)
        .map(|node| node.nearest(&member).origin());
    if let Some(place) = place {
        diagnostic.origin = place;
    }
    diagnostic
}

/// Whether any of them is an error.
pub fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
}
