//! What is missing of an item because it is wrong, which has been told.

/// Paths within an item of what could not be read. What is found of the rest is told, unless it may only
/// follow from them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gaps(Vec<String>);

impl Gaps {
    pub(crate) fn add(&mut self, path: &str) {
        self.0.push(path.to_owned());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether what is found of `member` may follow from a gap: one is in it; or an item of a list on the
    /// way to it is one, so that those after it have moved up.
    pub(crate) fn hide(&self, member: &str) -> bool {
        self.0.iter().any(|gap| hides(gap, member))
    }
}

fn hides(gap: &str, member: &str) -> bool {
    let mut gap = steps(gap).peekable();
    for step in steps(member) {
        // The first item of what is written as no list is the thing itself.
        if step == "0]" && gap.peek().is_none_or(|step| index(step).is_none()) {
            continue;
        }
        let Some(gone) = gap.next() else { return false };
        let has_moved = index(gone).zip(index(step)).is_some_and(|(gone, at)| at >= gone);
        if has_moved && gap.peek().is_none() {
            return true;
        }
        if gone != step {
            return false;
        }
    }
    true
}

/// `a[0].b` as `a`, `0]`, `b`.
fn steps(path: &str) -> impl Iterator<Item = &str> {
    path.split(['.', '[']).filter(|step| !step.is_empty())
}

fn index(step: &str) -> Option<usize> {
    step.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_from_a_gap_is_hidden_and_nothing_else() {
        for (gap, member, hidden) in [
            ("region", "", true),
            ("region", "region", true),
            ("region", "endpoint", false),
            ("identity.keys", "identity", true),
            ("identity.keys", "identity.roles[0]", false),
            ("targets[0].weight", "targets", true),
            ("targets[0].weight", "targets[0]", true),
            ("targets[0].weight", "targets[1]", false),
            ("targets[1]", "targets[0].model", false),
            ("targets[1]", "targets[1].model", true),
            ("targets[1]", "targets[2].model", true),
            ("targets.weight", "targets[0]", true),
            ("targets.weight", "targets[0].model", false),
        ] {
            assert_eq!(hides(gap, member), hidden, "{gap} {member}");
        }
    }
}
