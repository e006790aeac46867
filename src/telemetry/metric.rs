//! One metric: its name, kind, unit, labels and help, and how an encoder is told of it.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{self, Registry, Unit as Suffix};

/// One metric, by the name that queries use.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// Whole name, suffix and unit included; a histogram's without `_bucket`, `_sum`, `_count`.
    pub name: &'static str,
    /// What kind of number it is.
    pub kind: Kind,
    /// What it is measured in.
    pub unit: Unit,
    /// Its labels, all of them bounded; [`super::list::LABELS`] says what they hold.
    pub labels: &'static [&'static str],
    /// What it counts, as a sentence without its full stop.
    pub help: &'static str,
    /// The part of the house that it tells about.
    pub group: &'static str,
}

/// Kinds of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, until the process ends.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by size.
    Histogram,
    /// Always 1; the labels tell.
    Info,
}

/// Units; the name ends with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things, counted.
    Number,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// A share of one.
    Ratio,
}

static SECONDS: Suffix = Suffix::Seconds;
static BYTES: Suffix = Suffix::Bytes;

impl Metric {
    /// Has `registry` write `metric` under this name.
    pub(super) fn register(&self, registry: &mut Registry, metric: impl registry::Metric) {
        match self.suffix() {
            Some(unit) => registry.register_with_unit(self.stem(), self.help, unit.clone(), metric),
            None => registry.register(self.stem(), self.help, metric),
        }
    }

    /// Begins the family; samples follow.
    pub(super) fn describe<'e>(
        &'e self,
        encoder: &'e mut DescriptorEncoder<'_>,
    ) -> Result<MetricEncoder<'e>, fmt::Error> {
        let kind = match self.kind {
            Kind::Counter => MetricType::Counter,
            Kind::Gauge => MetricType::Gauge,
            Kind::Histogram => MetricType::Histogram,
            Kind::Info => MetricType::Info,
        };
        encoder.encode_descriptor(self.stem(), &format!("{}.", self.help), self.suffix(), kind)
    }

    /// The name without what an encoder adds by itself.
    fn stem(&self) -> &'static str {
        let strip = |name: &'static str, suffix| name.strip_suffix(suffix).unwrap_or(name);
        let name = match self.kind {
            Kind::Counter => strip(self.name, "_total"),
            Kind::Info => strip(self.name, "_info"),
            Kind::Gauge | Kind::Histogram => self.name,
        };
        match self.unit {
            Unit::Seconds => strip(name, "_seconds"),
            Unit::Bytes => strip(name, "_bytes"),
            Unit::Number | Unit::Ratio => name,
        }
    }

    /// OpenMetrics says a unit of its own for these; its name for a ratio is not Prometheus's.
    fn suffix(&self) -> Option<&'static Suffix> {
        match self.unit {
            Unit::Seconds => Some(&SECONDS),
            Unit::Bytes => Some(&BYTES),
            Unit::Number | Unit::Ratio => None,
        }
    }
}

impl Kind {
    /// As the exposition formats call it.
    pub fn label(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
            Kind::Info => "info",
        }
    }
}

impl Unit {
    /// As names end with it; empty for plain numbers.
    pub fn label(self) -> &'static str {
        match self {
            Unit::Number => "",
            Unit::Seconds => "seconds",
            Unit::Bytes => "bytes",
            Unit::Ratio => "ratio",
        }
    }
}
