//! Judges a sequence of choices between two groups: the share, and that each choice is independent of those before.
//!
//! Every limit is set so that a right proxy fails it less than once in ten million judgements ([`FALSE_ALARM`]). What such a test finds
//! of a wrong one depends on the number of choices: it notices (with a probability of 99.9 %) a share that is wrong by
//! (5.33 + 3.09) · √(p · (1 − p) / n). With 100,000 choices these are 0.08 percentage points at 0.1 %, 0.26 at 1 %, 0.8 at 10 % and
//! 1.33 at 50 %.

/// How likely one judgement condemns a right proxy, at most.
pub const FALSE_ALARM: f64 = 1e-7;
/// What the chi-squared statistic with one degree of freedom exceeds with that probability.
pub const CHI_SQUARED_LIMIT: f64 = 28.37;
/// The least expected count for which chi-squared is a good approximation that far out; below it the binomial distribution is summed.
const EXPECTED_MIN: f64 = 25.0;
/// How far back choices are compared: further than the longest cycle of turns that whole percents would need.
const LAGS: usize = 100;
/// A correlation in standard deviations. A normal variable exceeds it once in 12 thousand million, a skewed one more often.
const CORRELATION_LIMIT: f64 = 6.5;
/// The least expected number of pairs of the rarer group for which a correlation is near enough to normal.
const PAIRS_MIN: f64 = 100.0;
/// The least number of gaps that are compared with their distribution.
const GAPS_MIN: usize = 30;

/// What a sequence of choices looks like, and what is wrong with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The share that chose the second group.
    pub observed: f64,
    pub chi_squared: f64,
    /// Whatever a right proxy would not do.
    pub faults: Vec<String>,
}

/// Judges choices made one after the other, `true` for the second group, which is to get `share` of them.
pub fn judge(choices: &[bool], share: f64) -> Judgement {
    let count = choices.iter().filter(|choice| **choice).count();
    let (n, observed) = (choices.len() as f64, count as f64 / choices.len() as f64);
    let chi_squared = chi_squared(choices.len(), count, share);
    let mut faults = Vec::new();
    if !is_plausible(choices.len(), count, share) {
        faults.push(format!("{count} of {n} is not a share of {share}, chi-squared {chi_squared:.1}"));
    }
    // From here on the rarer group is looked at.
    let is_rare = if share > 0.5 { |choice: bool| !choice } else { |choice: bool| choice };
    let rare: Vec<bool> = choices.iter().copied().map(is_rare).collect();
    let share = share.min(1.0 - share);
    for (group, share) in [(true, share), (false, 1.0 - share)] {
        let (run, limit) = (longest_run(&rare, group), run_limit(rare.len(), share));
        if run > limit {
            faults.push(format!("{run} in a row for a share of {share}, at most {limit} are to be expected"));
        }
    }
    if n * share * share >= PAIRS_MIN {
        let (packed, all) = (pack(&rare), rare.iter().filter(|choice| **choice).count());
        let lags = 1..=LAGS.min(rare.len() / 2);
        let correlations = lags.map(|lag| (lag, correlation(&rare, &packed, all, share, lag)));
        let strong = correlations.filter(|(_, correlation)| correlation.abs() > CORRELATION_LIMIT);
        faults.extend(strong.map(|(lag, z)| format!("every {lag}th choice is related, by {z:.1} standard deviations")));
    }
    let gaps = gaps(&rare);
    if gaps.len() >= GAPS_MIN && gap_distance(&gaps, share) > (-(FALSE_ALARM / 2.0).ln() / 2.0).sqrt() {
        faults.push("the gaps between the choices of the rarer group are not those of chance".to_owned());
    }
    Judgement { observed, chi_squared, faults }
}

/// The chi-squared statistic with one degree of freedom.
pub fn chi_squared(n: usize, count: usize, share: f64) -> f64 {
    let n = n as f64;
    (count as f64 - n * share).powi(2) / (n * share * (1.0 - share))
}

/// Whether `count` of `n` may be by chance what a share brings about.
pub fn is_plausible(n: usize, count: usize, share: f64) -> bool {
    if n as f64 * share.min(1.0 - share) >= EXPECTED_MIN {
        chi_squared(n, count, share) <= CHI_SQUARED_LIMIT
    } else if share > 0.5 {
        tails(n, n - count, 1.0 - share) >= FALSE_ALARM
    } else {
        tails(n, count, share) >= FALSE_ALARM
    }
}

/// Twice the smaller tail of the binomial distribution, the count included.
fn tails(n: usize, count: usize, share: f64) -> f64 {
    let ln_odds = (share / (1.0 - share)).ln();
    let mut ln_mass = n as f64 * (1.0 - share).ln();
    let (mut below, mut at) = (0.0, 0.0);
    for k in 0..=count {
        at = ln_mass.exp();
        below += at;
        ln_mass += ((n - k) as f64 / (k + 1) as f64).ln() + ln_odds;
    }
    let above = 1.0 - below + at;
    2.0 * below.min(above)
}

fn longest_run(choices: &[bool], of: bool) -> usize {
    choices.chunk_by(|one, next| one == next).filter(|run| run[0] == of).map(<[bool]>::len).max().unwrap_or(0)
}

/// A run of this length begins at any of `n` places with a probability of less than [`FALSE_ALARM`].
fn run_limit(n: usize, share: f64) -> usize {
    ((n as f64 / FALSE_ALARM).ln() / (1.0 / share).ln()).ceil() as usize
}

/// The correlation of each choice with the one `lag` later, in standard deviations. `packed` holds the choices 64 to a word; `all`
/// counts the `true` ones.
fn correlation(choices: &[bool], packed: &[u64], all: usize, share: f64, lag: usize) -> f64 {
    let (words, shift) = (lag / 64, lag % 64);
    let word = |at: usize| packed.get(at).copied().unwrap_or(0);
    let later =
        |at: usize| word(at + words) >> shift | word(at + words + 1).checked_shl(64 - shift as u32).unwrap_or(0);
    let both: u32 = (0..packed.len()).map(|at| (packed[at] & later(at)).count_ones()).sum();
    let count = |choices: &[bool]| choices.iter().filter(|choice| **choice).count() as f64;
    let of_pairs = 2.0 * all as f64 - count(&choices[..lag]) - count(&choices[choices.len() - lag..]);
    let n = (choices.len() - lag) as f64;
    (f64::from(both) - share * of_pairs + n * share * share) / (n.sqrt() * share * (1.0 - share))
}

fn pack(choices: &[bool]) -> Vec<u64> {
    let word = |choices: &[bool]| choices.iter().rev().fold(0, |word, choice| word << 1 | u64::from(*choice));
    choices.chunks(64).map(word).collect()
}

/// How many choices it took until each `true`, itself included.
fn gaps(choices: &[bool]) -> Vec<usize> {
    let places = choices.iter().enumerate().filter(|(_, choice)| **choice).map(|(place, _)| place + 1);
    places.scan(0, |last, place| Some(place - std::mem::replace(last, place))).collect()
}

/// The greatest distance between the gaps' distribution and the geometric one, times the root of their number (Kolmogorov–Smirnov).
/// The bound it is compared with is that of Dvoretzky, Kiefer, Wolfowitz and Massart, which holds for discrete distributions too.
fn gap_distance(gaps: &[usize], share: f64) -> f64 {
    let mut sorted = gaps.to_vec();
    sorted.sort_unstable();
    let n = sorted.len() as f64;
    let geometric = |gap: usize| 1.0 - (1.0 - share).powf(gap as f64);
    let distance = |(place, gap): (usize, &usize)| {
        // At a tie only its last place says how many are that small; what is below the tie was seen before it.
        let is_last = sorted.get(place + 1) != Some(gap);
        let is_first = place == 0 || sorted[place - 1] != *gap;
        let at = if is_last { ((place + 1) as f64 / n - geometric(*gap)).abs() } else { 0.0 };
        let below = if is_first { (place as f64 / n - geometric(gap - 1)).abs() } else { 0.0 };
        at.max(below)
    };
    sorted.iter().enumerate().map(distance).fold(0.0, f64::max) * n.sqrt()
}
