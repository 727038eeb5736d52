//! The functions and keywords of metric math.

/// A function that is computed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Reduce(Reduction),
    Map(Mapping),
    Calendar(CalendarField),
    Fill,
    First,
    If,
    Last,
    MetricCount,
    Metrics,
    Period,
    RemoveEmpty,
    Sort,
    TimeSeries,
}

/// From all points of a series a number, from all series of an array a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reduction {
    Avg,
    DatapointCount,
    Max,
    Min,
    Stddev,
    Sum,
}

/// From a series a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mapping {
    Abs,
    Ceil,
    Diff,
    DiffTime,
    Floor,
    Log,
    Log10,
    Rate,
    RunningSum,
}

/// From the periods of a series what the calendar says of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CalendarField {
    Date,
    Day,
    Epoch,
    Hour,
    Minute,
    Month,
    Year,
}

/// A word that is an argument of some functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keyword {
    Repeat,
    Linear,
    Ascending,
    Descending,
    /// AVG, MIN, MAX or SUM as the function to sort by.
    By(Reduction),
}

/// All functions with their names.
pub(super) const FUNCTIONS: [(&str, Function); 32] = [
    ("ABS", Function::Map(Mapping::Abs)),
    ("AVG", Function::Reduce(Reduction::Avg)),
    ("CEIL", Function::Map(Mapping::Ceil)),
    ("DATAPOINT_COUNT", Function::Reduce(Reduction::DatapointCount)),
    ("DATE", Function::Calendar(CalendarField::Date)),
    ("DAY", Function::Calendar(CalendarField::Day)),
    ("DIFF", Function::Map(Mapping::Diff)),
    ("DIFF_TIME", Function::Map(Mapping::DiffTime)),
    ("EPOCH", Function::Calendar(CalendarField::Epoch)),
    ("FILL", Function::Fill),
    ("FIRST", Function::First),
    ("FLOOR", Function::Map(Mapping::Floor)),
    ("HOUR", Function::Calendar(CalendarField::Hour)),
    ("IF", Function::If),
    ("LAST", Function::Last),
    ("LOG", Function::Map(Mapping::Log)),
    ("LOG10", Function::Map(Mapping::Log10)),
    ("MAX", Function::Reduce(Reduction::Max)),
    ("METRIC_COUNT", Function::MetricCount),
    ("METRICS", Function::Metrics),
    ("MIN", Function::Reduce(Reduction::Min)),
    ("MINUTE", Function::Calendar(CalendarField::Minute)),
    ("MONTH", Function::Calendar(CalendarField::Month)),
    ("PERIOD", Function::Period),
    ("RATE", Function::Map(Mapping::Rate)),
    ("REMOVE_EMPTY", Function::RemoveEmpty),
    ("RUNNING_SUM", Function::Map(Mapping::RunningSum)),
    ("SORT", Function::Sort),
    ("STDDEV", Function::Reduce(Reduction::Stddev)),
    ("SUM", Function::Reduce(Reduction::Sum)),
    ("TIME_SERIES", Function::TimeSeries),
    ("YEAR", Function::Calendar(CalendarField::Year)),
];

/// Functions of CloudWatch that are not computed here, among them the beginning of a Metrics Insights query.
pub(super) const UNSUPPORTED: [&str; 9] = [
    "ANOMALY_DETECTION_BAND",
    "DB_PERF_INSIGHTS",
    "INSIGHT_RULE_METRIC",
    "INSIGHTS",
    "LAMBDA",
    "SEARCH",
    "SELECT",
    "SERVICE_QUOTA",
    "SLICE",
];

impl Function {
    pub fn parse(name: &str) -> Option<Function> {
        FUNCTIONS.into_iter().find(|(known, _)| *known == name).map(|(_, function)| function)
    }

    pub fn name(self) -> &'static str {
        let found = FUNCTIONS.into_iter().find(|(_, function)| *function == self);
        found.expect("every function is in the table").0
    }

    /// Returns what the function expects, for messages.
    pub fn expected(self) -> &'static str {
        match self {
            Function::Reduce(_) | Function::Map(_) => "one time series or array of time series",
            Function::Calendar(_) | Function::Period => "one time series",
            Function::First | Function::Last | Function::MetricCount | Function::RemoveEmpty => {
                "one array of time series"
            }
            Function::Fill => "a time series or array of time series, and a number, a time series, REPEAT or LINEAR",
            Function::If => "a condition, a value if it is true and perhaps one if it is false: numbers or time series",
            Function::Metrics => "nothing, or a quoted part of the ids",
            Function::Sort => {
                "an array of time series, one of AVG, MIN, MAX and SUM, ASC or DESC, and perhaps a number of time series"
            }
            Function::TimeSeries => "one number",
        }
    }
}

impl Keyword {
    pub fn parse(word: &str) -> Option<Keyword> {
        match word {
            "REPEAT" => Some(Keyword::Repeat),
            "LINEAR" => Some(Keyword::Linear),
            "ASC" => Some(Keyword::Ascending),
            "DESC" => Some(Keyword::Descending),
            "AVG" => Some(Keyword::By(Reduction::Avg)),
            "MIN" => Some(Keyword::By(Reduction::Min)),
            "MAX" => Some(Keyword::By(Reduction::Max)),
            "SUM" => Some(Keyword::By(Reduction::Sum)),
            _ => None,
        }
    }
}
