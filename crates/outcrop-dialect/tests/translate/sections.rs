//! Outcomes of many models in one file, short enough to be read.

/// Writes each outcome once, under all words that have it; one that is much like an earlier one by
/// what is different.
pub fn write(outcomes: Vec<(&str, String)>) -> String {
    let mut groups: Vec<(Vec<&str>, String)> = Vec::new();
    for (word, outcome) in outcomes {
        match groups.iter_mut().find(|(_, known)| *known == outcome) {
            Some((words, _)) => words.push(word),
            None => groups.push((vec![word], outcome)),
        }
    }
    let mut text = String::new();
    // Only whole sections are referred to: a difference of a difference would be a riddle.
    let mut whole: Vec<(&str, &str)> = Vec::new();
    for (words, outcome) in &groups {
        let title = words.join(" ");
        let near = whole.iter().map(|(word, known)| (word, difference(known, outcome)));
        let nearest = near.min_by_key(|(_, lines)| lines.len());
        match nearest.filter(|(_, lines)| 2 * lines.len() < outcome.lines().count()) {
            Some((word, lines)) => {
                text.push_str(&format!("=== {title}: as {word}, but\n{}\n", lines.join("\n")));
            }
            None => {
                text.push_str(&format!("=== {title}\n{outcome}"));
                whole.push((words[0], outcome));
            }
        }
    }
    text
}

/// The lines that only one of the two texts has, in order, by a longest common subsequence.
fn difference(old: &str, new: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let mut common = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] = match old[i] == new[j] {
                true => common[i + 1][j + 1] + 1,
                false => common[i + 1][j].max(common[i][j + 1]),
            };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            lines.push(format!("- {}", old[i]));
            i += 1;
        } else {
            lines.push(format!("+ {}", new[j]));
            j += 1;
        }
    }
    lines
}
