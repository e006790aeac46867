//! The two formats of the metrics page, and which one a scraper gets.
//!
//! prometheus-client writes OpenMetrics; Prometheus's older text differs in a few lines, and is what everybody
//! understands who asks for nothing special.

/// How the page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Format {
    /// What an `Accept` header wants: OpenMetrics if it is named and weighs no less than plain text.
    pub fn accepted(accept: &str) -> Format {
        let weight = |kind| accept.split(',').filter_map(|range| weight_of(range, kind)).fold(0.0, f32::max);
        let open = weight("application/openmetrics-text");
        match open > 0.0 && open >= weight("text/plain") {
            true => Format::OpenMetrics,
            false => Format::Prometheus,
        }
    }

    /// For `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The `q` of a media range, if it is of this kind.
fn weight_of(range: &str, kind: &str) -> Option<f32> {
    let mut parts = range.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case(kind) {
        return None;
    }
    let mut weights =
        parts.filter_map(|parameter| parameter.strip_prefix("q=").or(parameter.strip_prefix("Q=")));
    Some(weights.next_back().map_or(1.0, |q| q.parse().unwrap_or(0.0)))
}

/// OpenMetrics as Prometheus text: metadata carry the names that the samples have, `info` is a gauge, and there are
/// neither units nor an end.
pub(super) fn prometheus(open_metrics: &str) -> String {
    let mut page = String::with_capacity(open_metrics.len());
    let mut help = "";
    for line in open_metrics.lines() {
        if line == "# EOF" || line.starts_with("# UNIT ") {
            continue;
        }
        if let Some(text) = line.strip_prefix("# HELP ") {
            help = text.split_once(' ').map_or("", |(_, help)| help);
            continue;
        }
        let described = line.strip_prefix("# TYPE ").and_then(|text| text.split_once(' '));
        let Some((name, kind)) = described else {
            page.extend([line, "\n"]);
            continue;
        };
        let (suffix, kind) = match kind {
            "counter" => ("_total", "counter"),
            "info" => ("_info", "gauge"),
            "unknown" => ("", "untyped"),
            other => ("", other),
        };
        page.extend(["# HELP ", name, suffix, " ", help, "\n# TYPE ", name, suffix, " ", kind, "\n"]);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("", Format::Prometheus)]
    #[case("*/*", Format::Prometheus)]
    #[case("text/html,application/xml;q=0.9,*/*;q=0.8", Format::Prometheus)]
    #[case("application/openmetrics-text", Format::OpenMetrics)]
    // Prometheus 2.42
    #[case(
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        Format::OpenMetrics
    )]
    #[case("Application/OpenMetrics-Text; version=1.0.0; q=0.3, text/plain;q=0.4", Format::Prometheus)]
    #[case("application/openmetrics-text;q=0", Format::Prometheus)]
    #[case("application/openmetrics-text;q=much", Format::Prometheus)]
    fn the_accept_header_decides(#[case] accept: &str, #[case] format: Format) {
        assert_eq!(Format::accepted(accept), format);
    }

    #[test]
    fn metadata_get_the_names_of_their_samples() {
        let open = "# HELP a_seconds A.\n# TYPE a_seconds counter\n# UNIT a_seconds seconds\na_seconds_total 1\n\
                    # HELP b B b.\n# TYPE b info\nb_info{v=\"1\"} 1\n# HELP c C.\n# TYPE c gauge\nc 2\n# EOF\n";
        let text = "# HELP a_seconds_total A.\n# TYPE a_seconds_total counter\na_seconds_total 1\n\
                    # HELP b_info B b.\n# TYPE b_info gauge\nb_info{v=\"1\"} 1\n# HELP c C.\n# TYPE c gauge\nc 2\n";
        assert_eq!(prometheus(open), text);
    }
}
