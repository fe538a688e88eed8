//! Which labels of an axis have room.

use super::scene::{Area, TextRun};

/// Keeps as many labels as fit in their order, with a `gap` between two in a line and a tenth of it between two lines.
///
/// The first and the last always try first, then those that `important` names, then every second, fourth and so on,
/// so that an axis too short for all its labels shows an even choice of them.
pub(super) fn fitting(runs: Vec<TextRun>, important: &[usize], gap: f64) -> Vec<TextRun> {
    let count = runs.len();
    let mut order: Vec<usize> = important.iter().copied().filter(|&index| index < count).collect();
    order.extend([0, count.saturating_sub(1)]);
    let mut stride = count.next_power_of_two();
    while stride > 0 {
        order.extend((0..count).step_by(stride));
        stride /= 2;
    }
    let mut taken: Vec<Option<Area>> = vec![None; count];
    for index in order {
        let (Some(run), Some(slot)) = (runs.get(index), taken.get(index)) else {
            continue;
        };
        if slot.is_some() {
            continue;
        }
        let area = run.area().grown(gap / 2.0, gap / 20.0);
        let free = taken.iter().flatten().all(|other| !other.overlaps(&area));
        if free && let Some(slot) = taken.get_mut(index) {
            *slot = Some(area);
        }
    }
    runs.into_iter()
        .zip(taken)
        .filter_map(|(run, area)| area.map(|_| run))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::font::Weight;
    use crate::chart::scene::{Anchor, Color};

    fn row(labels: &[&str], pitch: f64) -> Vec<TextRun> {
        labels
            .iter()
            .enumerate()
            .map(|(index, label)| TextRun {
                text: (*label).to_owned(),
                at: (index as f64 * pitch, 0.0),
                size: 7.0,
                weight: Weight::Regular,
                anchor: Anchor::Middle,
                color: Color::hex(0),
            })
            .collect()
    }

    fn texts(runs: Vec<TextRun>) -> Vec<String> {
        runs.into_iter().map(|run| run.text).collect()
    }

    #[test]
    fn all_labels_stay_where_there_is_room() {
        assert_eq!(texts(fitting(row(&["1", "2", "4"], 50.0), &[], 2.0)), ["1", "2", "4"]);
    }

    #[test]
    fn crowded_labels_are_thinned_and_never_overlap() {
        let names: Vec<String> = (0..40).map(|index| format!("label {index}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let kept = fitting(row(&names, 9.0), &[], 2.0);
        assert!(kept.len() > 3 && kept.len() < 40);
        for (index, run) in kept.iter().enumerate() {
            assert!(
                kept.iter()
                    .skip(index + 1)
                    .all(|other| !other.area().overlaps(&run.area()))
            );
        }
    }

    #[test]
    fn important_labels_go_before_the_others() {
        let kept = texts(fitting(row(&["aaaa", "bbbb", "cccc"], 6.0), &[1], 1.0));
        assert_eq!(kept, ["bbbb"]);
    }
}
