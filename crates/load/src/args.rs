//! The options of the load generator on the command line.

use std::num::NonZeroUsize;
use std::time::Duration;

use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::plan::{
    DEFAULT_CONNECTIONS, DEFAULT_VERSION_HEADER, Length, LoadPlan, Protocol, SlowRequests, Streams, WebSockets,
};
use crate::target::Target;
use crate::values::{Fraction, InvalidValue, Rate, parse_duration};

/// Largest body: all of them in flight at once must fit in memory.
const POST_MAX: NonZeroUsize = NonZeroUsize::new(1024 * 1024).expect("it is not zero");

/// Makes load at a constant rate and counts what became of every request.
#[derive(Debug, Clone, clap::Args)]
pub struct LoadArgs {
    /// Where the requests go, for example http://127.0.0.1:8080/
    pub url: Target,

    /// Requests started per second, whatever became of the earlier ones
    #[arg(short, long, default_value = "100")]
    pub rate: Rate,

    /// How long requests are started
    #[arg(short, long, default_value = "10s", value_parser = parse_duration)]
    pub duration: Duration,

    /// Start this many requests instead of a duration
    #[arg(short = 'n', long, value_name = "COUNT", conflicts_with = "duration")]
    pub requests: Option<u64>,

    /// Most connections open for requests at a time
    #[arg(short, long, value_name = "COUNT", default_value_t = DEFAULT_CONNECTIONS)]
    pub connections: NonZeroUsize,

    /// Longest time from a request's scheduled start to the end of its answer
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_duration)]
    pub timeout: Duration,

    /// Longest time to open a connection
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = parse_duration)]
    pub connect_timeout: Duration,

    /// Send POSTs with a body of so many bytes instead of GETs
    #[arg(long, value_name = "BYTES", value_parser = parse_post)]
    pub post: Option<NonZeroUsize>,

    /// Share of the requests that go to --slow-path, from 0 to 1
    #[arg(long, value_name = "FRACTION", default_value = "0")]
    pub slow_fraction: Fraction,

    /// Path of slow requests
    #[arg(long, value_name = "PATH", default_value = "/slow?ms=2000", value_parser = parse_path)]
    pub slow_path: PathAndQuery,

    /// WebSockets kept open, each sending numbered messages that must be echoed
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub websockets: usize,

    /// Path of WebSockets
    #[arg(long, value_name = "PATH", default_value = "/ws", value_parser = parse_path)]
    pub websocket_path: PathAndQuery,

    /// Time between two messages on each WebSocket
    #[arg(long, value_name = "DURATION", default_value = "500ms", value_parser = parse_duration)]
    pub websocket_interval: Duration,

    /// Streamed answers read at a time, each checked to be whole and restarted when done
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub streams: usize,

    /// Path of streamed answers
    #[arg(long, value_name = "PATH", default_value = "/stream?chunks=20&interval_ms=100", value_parser = parse_path)]
    pub stream_path: PathAndQuery,

    /// Speak HTTP/2 without TLS (prior knowledge) instead of HTTP/1.1
    #[arg(long)]
    pub h2c: bool,

    /// Response header by whose value answers are counted
    #[arg(long, value_name = "NAME", default_value = DEFAULT_VERSION_HEADER)]
    pub version_header: HeaderName,

    /// Header sent with every request; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = parse_header)]
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl From<LoadArgs> for LoadPlan {
    fn from(args: LoadArgs) -> LoadPlan {
        let length = match args.requests {
            Some(requests) => Length::Requests(requests),
            None => Length::Duration(args.duration),
        };
        let slow = SlowRequests { fraction: args.slow_fraction, path: args.slow_path };
        let (websocket_path, interval) = (args.websocket_path, args.websocket_interval);
        let websockets = |count| WebSockets { count, path: websocket_path, interval };
        let streams = |count| Streams { count, path: args.stream_path };
        LoadPlan {
            protocol: if args.h2c { Protocol::Http2 } else { Protocol::Http1 },
            max_connections: args.connections,
            timeout: args.timeout,
            connect_timeout: args.connect_timeout,
            post: args.post,
            slow: (slow.fraction.get() > 0.0).then_some(slow),
            websockets: NonZeroUsize::new(args.websockets).map(websockets),
            streams: NonZeroUsize::new(args.streams).map(streams),
            version_header: args.version_header,
            headers: args.headers.into_iter().collect::<HeaderMap>(),
            ..LoadPlan::new(args.url, args.rate, length)
        }
    }
}

fn parse_post(text: &str) -> Result<NonZeroUsize, InvalidValue> {
    match text.parse::<NonZeroUsize>() {
        Ok(size) if size <= POST_MAX => Ok(size),
        Ok(_) | Err(_) => {
            Err(InvalidValue(format!("'{text}' is not a size: write a number of bytes from 1 to {POST_MAX}")))
        }
    }
}

fn parse_path(text: &str) -> Result<PathAndQuery, InvalidValue> {
    match text.parse::<PathAndQuery>() {
        Ok(path) if text.starts_with('/') => Ok(path),
        Ok(_) | Err(_) => Err(InvalidValue(format!("'{text}' is not a path: it must begin with /"))),
    }
}

fn parse_header(text: &str) -> Result<(HeaderName, HeaderValue), InvalidValue> {
    let invalid = || InvalidValue(format!("'{text}' is not a header such as 'name: value'"));
    let (name, value) = text.split_once(':').ok_or_else(invalid)?;
    let name = name.trim().parse().map_err(|_| invalid())?;
    let value = value.trim().parse().map_err(|_| invalid())?;
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Parser)]
    #[command(name = "load")]
    struct CommandLine {
        #[command(flatten)]
        load: LoadArgs,
    }

    fn plan(line: &str) -> LoadPlan {
        CommandLine::parse_from(line.split_whitespace()).load.into()
    }

    #[test]
    fn command_line_definition_is_sound() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn command_line_defaults_equal_those_of_a_plan() {
        let target: Target = "http://127.0.0.1:8080/".parse().expect("a URL");
        let rate: Rate = "100".parse().expect("a rate");
        let expected = LoadPlan::new(target, rate, Length::Duration(Duration::from_secs(10)));
        assert_eq!(plan("load http://127.0.0.1:8080"), expected);
    }

    #[test]
    fn a_post_has_a_size_within_its_limit() {
        assert_eq!(plan("load http://127.0.0.1:8080 --post 256").post, NonZeroUsize::new(256));
        for size in ["0", "-1", "x", "1048577"] {
            let error = parse_post(size).expect_err(size).to_string();
            assert!(error.contains(size) && error.contains("from 1 to 1048576"), "{error}");
        }
    }

    #[test]
    fn options_make_the_mix() {
        let plan = plan(
            "load http://127.0.0.1:8080 --rate 500 -n 1000 --slow-fraction 0.01 --websockets 5 --streams 2 --h2c \
             -H host:shop.example",
        );
        assert_eq!(plan.length, Length::Requests(1000));
        assert_eq!(plan.protocol, Protocol::Http2);
        assert_eq!(plan.slow.map(|slow| slow.path.to_string()), Some("/slow?ms=2000".to_owned()));
        assert_eq!(plan.websockets.map(|websockets| websockets.count.get()), Some(5));
        assert_eq!(plan.streams.map(|streams| streams.count.get()), Some(2));
        assert_eq!(plan.headers["host"], "shop.example");
    }

    #[test]
    fn duration_and_count_exclude_each_other() {
        let both = ["load", "http://127.0.0.1/", "--duration", "1s", "--requests", "5"];
        assert!(CommandLine::try_parse_from(both).is_err());
    }
}
