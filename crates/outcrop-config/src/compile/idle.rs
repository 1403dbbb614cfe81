//! What can be read and never has an effect: it is told, and kept.

use outcrop_model::headers::WITHHELD;

use super::Findings;
use super::check::At;
use crate::backend::Backend;
use crate::edit::{HeaderEdit, HeaderEdits};
use crate::limit::{Budget, Limit, Measure};
use crate::route::{PathMatch, Route, Surface};

pub(super) fn backend(backend: &Backend, findings: &mut Findings) {
    if backend.max_queued.is_some() && backend.max_concurrent.is_none() {
        let what = "without `max_concurrent` no request ever waits".to_owned();
        let hint = "set `max_concurrent` as well".to_owned();
        findings.warning(&backend.origin, "max_queued", what, Some(hint));
    }
}

pub(super) fn header_edits(edits: &HeaderEdits, at: At<'_>, findings: &mut Findings) {
    for edit in edits {
        match edit {
            HeaderEdit::Set { name, .. } | HeaderEdit::Add { name, .. } => {
                if WITHHELD.iter().any(|own| own.eq_ignore_ascii_case(name)) {
                    let what = format!("`{name}` is never sent as it is set here");
                    let hint = "towards AWS it is the gateway's own".to_owned();
                    findings.warning(at.0, at.1, what, Some(hint));
                }
            }
            HeaderEdit::Remove { .. } => {}
        }
    }
}

/// A priority all of whose targets have weight 0 is never used.
pub(super) fn targets(route: &Route, findings: &mut Findings) {
    for (index, target) in route.targets.iter().enumerate() {
        let peers = || route.targets.iter().filter(|other| other.priority == target.priority);
        if peers().all(|peer| peer.weight == 0) {
            let what = format!("all targets of priority {} have weight 0", target.priority);
            let hint = Some("none of them is ever chosen".to_owned());
            findings.warning(&route.origin, format!("targets[{index}].weight"), what, hint);
        }
    }
}

/// A prefix that no path of the route begins with.
pub(super) fn surface(route: &Route, findings: &mut Findings) {
    let Surface::Under(prefix) = &route.surface else { return };
    let below = format!("{}/", prefix.trim_end_matches('/'));
    let can_have = |path: &Option<PathMatch>| match path {
        Some(PathMatch::Exact(path)) => path.starts_with(&below),
        Some(PathMatch::Prefix(path)) => {
            let path = format!("{}/", path.trim_end_matches('/'));
            path.starts_with(&below) || below.starts_with(&path)
        }
        Some(PathMatch::Regex(_)) | None => true,
    };
    let is_path = prefix.starts_with('/');
    if is_path && !route.matches.is_empty() && !route.matches.iter().any(|one| can_have(&one.path))
    {
        let what = format!("no path of this route is under `{prefix}`");
        let hint = "all its requests are answered with 404".to_owned();
        findings.warning(&route.origin, "surface.under", what, Some(hint));
    }
}

pub(super) fn limit(limit: &Limit, findings: &mut Findings) {
    let Limit { measure, amount, origin, .. } = limit;
    if let Measure::Money(Budget { soft: Some(soft), webhook: _ }) = measure
        && soft.get() >= *amount
    {
        let what = "this is not before the budget is spent".to_owned();
        let hint = "take less than `money`".to_owned();
        findings.warning(origin, "soft", what, Some(hint));
    }
}
