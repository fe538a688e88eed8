//! Pictures made of block elements, which every console font has: bars over time, and a heat map.

/// A character cell filled from below by eighths.
const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// What stands at the bottom where nothing is known.
const UNKNOWN: char = '·';

/// A line drawn through what is empty.
const LINE: char = '┄';

/// Shades from nothing to more than half of a column, and the share from which each is used.
const SHADES: [(f64, char); 5] = [(0.0, ' '), (0.0, '░'), (0.05, '▒'), (0.2, '▓'), (0.5, '█')];

/// One character for each value in each of `rows` rows, the uppermost first. A bar reaches the top at `top`; a value above
/// zero shows. `line` is drawn at its height where no bar reaches it.
pub(super) fn bars(values: &[Option<f64>], top: f64, rows: usize, line: Option<f64>) -> Vec<Vec<char>> {
    let cells = rows * 8;
    let filled = |value: f64| {
        let share = if top > 0.0 { (value / top).clamp(0.0, 1.0) } else { 0.0 };
        (0..=cells)
            .rev()
            .find(|eighths| (*eighths as f64) <= (share * cells as f64).round())
            .unwrap_or(0)
            .max(usize::from(value > 0.0))
    };
    let line_row = line
        .filter(|line| *line <= top)
        .map(|line| filled(line).saturating_sub(1) / 8);
    let row = |level: usize| {
        let cell = |value: &Option<f64>| match value {
            None if level == 0 => UNKNOWN,
            None => ' ',
            Some(value) => {
                let eighths = filled(*value).saturating_sub(level * 8).min(8);
                match EIGHTHS.get(eighths) {
                    Some(' ') | None if line_row == Some(level) => LINE,
                    Some(cell) => *cell,
                    None => ' ',
                }
            }
        };
        values.iter().map(cell).collect()
    };
    (0..rows).rev().map(row).collect()
}

/// Neighbouring buckets that share a row, so that at most `rows` are needed: the first and the one after the last.
pub(super) fn rows_of(buckets: usize, rows: usize) -> Vec<(usize, usize)> {
    let each = buckets.div_ceil(rows.max(1)).max(1);
    (0..buckets)
        .step_by(each)
        .map(|first| (first, (first + each).min(buckets)))
        .collect()
}

/// How much of a column's I/O is in the buckets from `first` up to `after`.
pub(super) fn shade(counts: Option<&[u64]>, (first, after): (usize, usize)) -> char {
    let Some(counts) = counts else { return UNKNOWN };
    let sum = |counts: &[u64]| counts.iter().fold(0_u64, |sum, count| sum.saturating_add(*count)) as f64;
    let (all, here) = (sum(counts), sum(counts.get(first..after).unwrap_or_default()));
    let share = if all > 0.0 { here / all } else { 0.0 };
    let reached = SHADES.iter().skip(1).rfind(|(from, _)| share > *from);
    reached.map_or(' ', |(_, shade)| *shade)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(values: &[Option<f64>], top: f64, rows: usize, line: Option<f64>) -> Vec<String> {
        bars(values, top, rows, line)
            .into_iter()
            .map(String::from_iter)
            .collect()
    }

    #[test]
    fn a_bar_is_as_high_as_its_share_of_the_top_and_the_smallest_value_shows() {
        let values = [0.0, 0.01, 25.0, 50.0, 75.0, 100.0].map(Some);
        assert_eq!(drawn(&values, 100.0, 2, None), ["    ▄█", " ▁▄███"]);
    }

    #[test]
    fn what_is_not_known_is_a_point_and_no_zero() {
        assert_eq!(drawn(&[Some(0.0), None], 1.0, 1, None), [" ·"]);
    }

    #[test]
    fn the_line_is_drawn_where_no_bar_reaches_it() {
        let values = [Some(0.0), Some(100.0), None];
        assert_eq!(drawn(&values, 100.0, 2, Some(60.0)), ["┄█ ", " █·"]);
        assert_eq!(drawn(&values, 100.0, 2, Some(101.0)), [" █ ", " █·"]);
    }

    #[test]
    fn buckets_share_rows_where_there_are_more_than_fit() {
        assert_eq!(rows_of(3, 8), [(0, 1), (1, 2), (2, 3)]);
        assert_eq!(rows_of(7, 3), [(0, 3), (3, 6), (6, 7)]);
    }

    #[test]
    fn a_shade_tells_the_share_of_the_column() {
        let counts: &[u64] = &[0, 1, 10, 30, 59];
        let row: String = (0..5).map(|bucket| shade(Some(counts), (bucket, bucket + 1))).collect();
        assert_eq!(row, " ░▒▓█");
        assert_eq!(shade(None, (0, 1)), '·');
        assert_eq!(shade(Some(&[]), (0, 1)), ' ');
    }
}
