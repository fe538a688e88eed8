//! What is always true of the figures of a capture, and so what damage leaves open. A reader of its own, which shares
//! nothing with the product.

/// A histogram of a print, as far as it can be read.
#[derive(Debug)]
struct Block {
    title: String,
    /// `min`, `max`, `mean` and `count`.
    figures: [Option<i128>; 4],
    /// Edges between which values lie, the lower one exclusive, with how many do.
    buckets: Vec<(i128, i128, i128)>,
}

const BEYOND: i128 = 1 << 100;
const NAMES: [&str; 4] = ["min", "max", "mean", "count"];

/// The name of the figure that a line tells.
fn name_of(line: &str) -> Option<&'static str> {
    let (name, _) = line.split_once([',', ':'])?;
    NAMES.into_iter().find(|known| *known == name.trim())
}

/// Only minima, maxima and means were changed, and nothing contradicts what they are now: they might be the true ones.
pub(super) fn leave_open(before: &str, after: &str) -> bool {
    let is_open = |(before, after): (&str, &str)| {
        before == after
            || matches!((name_of(before), name_of(after)), (Some(one), Some(other)) if one == other && one != "count")
    };
    before.lines().count() == after.lines().count() && before.lines().zip(after.lines()).all(is_open) && hold(after)
}

/// Every histogram, those of later prints behind those of earlier ones.
fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("Histogram: ") {
            let end = title.find(",virtual").or_else(|| title.find(" for virtual"));
            blocks.push(Block {
                title: title[..end.unwrap_or(title.len())].to_owned(),
                figures: [None; 4],
                buckets: Vec::new(),
            });
            continue;
        }
        let Some(block) = blocks.last_mut() else { continue };
        if let Some(name) = name_of(line) {
            let place = NAMES.iter().position(|known| *known == name).unwrap();
            let (_, value) = line.split_once([',', ':']).unwrap();
            block.figures[place] = value.trim().parse().ok();
            continue;
        }
        let numbers: Vec<i128> = line
            .split(|sign: char| !sign.is_ascii_digit() && sign != '-')
            .filter_map(|number| number.parse().ok())
            .collect();
        if let [count, limit] = numbers[..] {
            let below = block.buckets.last().map_or(-BEYOND, |(_, upper, _)| *upper);
            // The last limit stands there twice, the second time for what is beyond it.
            let upper = if limit == below { BEYOND } else { limit };
            block.buckets.push((below, upper, count));
        }
    }
    blocks
}

impl Block {
    fn figure(&self, name: &str) -> i128 {
        let place = NAMES.iter().position(|known| *known == name).unwrap();
        self.figures[place].unwrap()
    }

    fn is_empty(&self) -> bool {
        self.figure("count") == 0
    }

    /// The sums that the truncated mean allows.
    fn sums(&self) -> (i128, i128) {
        let (mean, count) = (self.figure("mean"), self.figure("count"));
        let rest = (count - 1).max(0);
        let (low, high) = (mean * count, mean * count);
        (
            if mean > 0 { low } else { low - rest },
            if mean < 0 { high } else { high + rest },
        )
    }

    /// The extremes lie in the outermost buckets that hold values, and the sum is one that these values can have.
    fn is_possible(&self) -> bool {
        if self.is_empty() {
            return true;
        }
        let (min, max) = (self.figure("min"), self.figure("max"));
        let held = || self.buckets.iter().filter(|(.., count)| *count > 0);
        let within = |value: i128, bucket: Option<&(i128, i128, i128)>| {
            bucket.is_some_and(|(above, upper, _)| value > *above && value <= *upper)
        };
        if !within(min, held().next()) || !within(max, held().next_back()) {
            return false;
        }
        let least = held()
            .map(|(above, _, count)| (above + 1).max(min) * count)
            .sum::<i128>();
        let most = held().map(|(_, upper, count)| (*upper).min(max) * count).sum::<i128>();
        let (low, high) = self.sums();
        low <= most && least <= high
    }
}

/// The directions of `all` that hold values.
fn directions<'block>(all: &Block, print: &[&'block Block]) -> Vec<&'block Block> {
    let titles = match all.title.as_str() {
        "IO lengths of commands" => ["IO lengths of Read commands", "IO lengths of Write commands"],
        "latency of IOs in Microseconds (us)" => [
            "latency of Read IOs in Microseconds (us)",
            "latency of Write IOs in Microseconds (us)",
        ],
        "latency of IO interarrival time in Microseconds (us)" => [
            "latency of IO interarrival time for Reads in Microseconds (us)",
            "latency of IO interarrival time for Writes in Microseconds (us)",
        ],
        _ => return Vec::new(),
    };
    let is_one = |block: &&&Block| titles.contains(&block.title.as_str()) && !block.is_empty();
    print.iter().filter(is_one).copied().collect()
}

/// Minimum, maximum and sum of all commands are those that the directions make.
fn is_made_of(all: &Block, directions: &[&Block]) -> bool {
    let each = |name| directions.iter().map(move |block| block.figure(name));
    let (Some(min), Some(largest), Some(shorter)) = (each("min").min(), each("max").max(), each("max").min()) else {
        return true;
    };
    let (low, high) = all.sums();
    let sums = || directions.iter().map(|block| block.sums());
    if all.title.contains("interarrival") {
        // A command follows the one before of all at least as soon as the one of its direction. The first of all is the
        // first of its direction, and the last is the last: both captures begin with the time since the host's start.
        let farthest = sums().reduce(|one, two| (one.0.max(two.0), one.1.max(two.1))).unwrap();
        all.figure("min") <= min && all.figure("max") == shorter && low <= farthest.1 && farthest.0 <= high
    } else {
        let together = sums().reduce(|one, two| (one.0 + two.0, one.1 + two.1)).unwrap();
        all.figure("min") == min && all.figure("max") == largest && low <= together.1 && together.0 <= high
    }
}

/// No figure contradicts anything else in the capture. What directions make of distances is not among it, because each
/// is measured against its own command before; nor of depths, for which nothing documents it.
pub(super) fn hold(text: &str) -> bool {
    let blocks = blocks(text);
    if blocks.iter().any(|block| block.figures.contains(&None)) {
        return false;
    }
    let prints: Vec<Vec<&Block>> = blocks.chunks(16).map(|print| print.iter().collect()).collect();
    let within = prints.iter().all(|print| {
        let all = print.iter();
        all.clone()
            .all(|block| block.is_possible() && is_made_of(block, &directions(block, print)))
    });
    // Counted since the same moment, no minimum rises and no maximum falls.
    let between = prints.windows(2).all(|pair| {
        pair[0].iter().zip(&pair[1]).all(|(before, now)| {
            before.is_empty()
                || (now.figure("min") <= before.figure("min") && now.figure("max") >= before.figure("max"))
        })
    });
    within && between
}
