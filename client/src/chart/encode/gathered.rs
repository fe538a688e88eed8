//! Shapes of one colour side by side in the order of drawing, so that a file can hold them as one.
//!
//! A shape may be drawn earlier than it was meant to be where nothing in between touches its place: the picture is the same.

use crate::chart::scene::{Area, Color, Item, Point};

/// What of two neighbours lies over each other is no more than what rounding makes of a common edge, points.
const EDGE: f64 = 0.05;

/// Shapes that follow each other.
struct Run<'scene> {
    color: Color,
    /// Whether they turn to the left: shapes of one path that turn both ways leave holes where they meet.
    turns_left: bool,
    shapes: Vec<Shape<'scene>>,
}

struct Shape<'scene> {
    item: &'scene Item,
    points: &'scene [Point],
    extent: Area,
}

/// The items with polygons of one colour moved to those before them, as far as nothing lies over another thing than before.
/// `alike` says whether two colours become one in the file.
pub(super) fn gathered<'scene>(items: &'scene [Item], alike: impl Fn(Color, Color) -> bool) -> Vec<&'scene Item> {
    let mut runs: Vec<Run<'scene>> = Vec::new();
    for item in items {
        let (points, color, is_line) = match item {
            Item::Polygon { points, fill } => (points.as_slice(), *fill, false),
            Item::Path { points, color, .. } => (points.as_slice(), *color, true),
            // There are none on a surface; what is drawn over everything else keeps its place.
            Item::Rectangle { .. } | Item::Text(_) => (&[][..], Color::hex(0), true),
        };
        let shape = Shape {
            item,
            points,
            extent: extent(points),
        };
        let turns_left = area(points) < 0.0;
        let covered = runs
            .iter()
            .rposition(|run| run.shapes.iter().any(|below| meet(below, &shape)));
        let same = |run: &Run<'_>| !is_line && run.turns_left == turns_left && alike(run.color, color);
        let from = covered.unwrap_or(0);
        let place = runs.iter().skip(from).position(same).map(|at| from + at);
        match place.and_then(|at| runs.get_mut(at)) {
            Some(run) => run.shapes.push(shape),
            None => runs.push(Run {
                color,
                turns_left,
                shapes: vec![shape],
            }),
        }
    }
    runs.into_iter()
        .flat_map(|run| run.shapes)
        .map(|shape| shape.item)
        .collect()
}

/// Twice the area inside, below 0 where the points turn to the left.
fn area(points: &[Point]) -> f64 {
    edges(points).map(|(from, to)| from.0 * to.1 - to.0 * from.1).sum()
}

/// Each point with the one after it, the last with the first.
fn edges(points: &[Point]) -> impl Iterator<Item = (Point, Point)> {
    points.iter().copied().zip(points.iter().copied().cycle().skip(1))
}

fn extent(points: &[Point]) -> Area {
    let empty = Area {
        left: f64::INFINITY,
        top: f64::INFINITY,
        right: f64::NEG_INFINITY,
        bottom: f64::NEG_INFINITY,
    };
    points.iter().fold(empty, |extent, &(x, y)| Area {
        left: extent.left.min(x),
        top: extent.top.min(y),
        right: extent.right.max(x),
        bottom: extent.bottom.max(y),
    })
}

/// Whether one of two shapes may lie over the other: no edge of either has all of the other one on its outer side.
fn meet(one: &Shape<'_>, other: &Shape<'_>) -> bool {
    one.extent.overlaps(&other.extent)
        && !edges(one.points)
            .chain(edges(other.points))
            .any(|edge| parts(edge, one.points, other.points))
}

/// Whether a line along an edge has one shape on one side and the other shape on the other.
fn parts((from, to): (Point, Point), one: &[Point], other: &[Point]) -> bool {
    let (across, down) = (to.0 - from.0, to.1 - from.1);
    let length = across.hypot(down);
    if length <= 0.0 {
        return false;
    }
    let reach = |points: &[Point]| {
        let distances = points
            .iter()
            .map(|(x, y)| ((x - from.0) * down - (y - from.1) * across) / length);
        distances.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), distance| {
            (least.min(distance), most.max(distance))
        })
    };
    let (one, other) = (reach(one), reach(other));
    one.1 <= other.0 + EDGE || other.1 <= one.0 + EDGE
}

#[cfg(test)]
mod tests {
    use super::*;

    const RED: Color = Color::hex(0x00ff_0000);
    const BLUE: Color = Color::hex(0x0000_00ff);

    fn square(left: f64, fill: Color) -> Item {
        Item::Polygon {
            points: vec![(left, 0.0), (left + 1.0, 0.0), (left + 1.0, 1.0), (left, 1.0)],
            fill,
        }
    }

    fn places(items: &[Item]) -> Vec<usize> {
        let gathered = gathered(items, |one, other| one == other);
        let place = |item: &&Item| items.iter().position(|known| std::ptr::eq(known, *item)).unwrap();
        gathered.iter().map(place).collect()
    }

    #[test]
    fn shapes_of_one_colour_follow_each_other_past_a_neighbour_that_they_only_touch() {
        let items = [square(0.0, RED), square(1.0, BLUE), square(2.0, RED)];
        assert_eq!(places(&items), [0, 2, 1]);
    }

    #[test]
    fn a_shape_that_covers_another_is_drawn_after_it() {
        let items = [square(0.0, RED), square(1.0, BLUE), square(1.5, RED), square(3.0, BLUE)];
        assert_eq!(places(&items), [0, 1, 3, 2]);
    }

    #[test]
    fn shapes_that_turn_the_other_way_are_no_part_of_the_same_path() {
        let Item::Polygon { mut points, fill } = square(2.0, RED) else {
            panic!()
        };
        points.reverse();
        let items = [square(0.0, RED), square(1.0, BLUE), Item::Polygon { points, fill }];
        assert_eq!(places(&items), [0, 1, 2]);
    }
}
