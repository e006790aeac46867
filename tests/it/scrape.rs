//! A scrape of `/metrics`, taken apart as Prometheus does it.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use http::header::ACCEPT;

use crate::support::{Reply, Stage};

/// What Prometheus 2.42 asks for.
pub const PROMETHEUS_ACCEPT: &str = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

/// One sample.
#[derive(Debug, Clone)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// A page in either format.
#[derive(Debug)]
pub struct Scrape {
    /// Kinds by the name that the page gives them.
    pub kinds: BTreeMap<String, String>,
    pub helps: BTreeMap<String, String>,
    pub samples: Vec<Sample>,
}

impl Scrape {
    /// What a scraper gets that asks for nothing special.
    pub async fn of(stage: &Stage) -> Scrape {
        Scrape::read(&stage.send(stage.admin(Method::GET, "/metrics")).await.text)
    }

    /// What Prometheus gets.
    pub async fn as_prometheus(stage: &Stage) -> (Reply, Scrape) {
        let request = stage.admin(Method::GET, "/metrics").header(ACCEPT, PROMETHEUS_ACCEPT);
        let reply = stage.send(request).await;
        let scrape = Scrape::read(&reply.text);
        (reply, scrape)
    }

    fn read(page: &str) -> Scrape {
        let mut scrape = Scrape { kinds: BTreeMap::new(), helps: BTreeMap::new(), samples: Vec::new() };
        for line in page.lines() {
            let told = |prefix| line.strip_prefix(prefix)?.split_once(' ');
            if let Some((name, kind)) = told("# TYPE ") {
                assert!(scrape.kinds.insert(name.into(), kind.into()).is_none(), "{name} twice");
            } else if let Some((name, help)) = told("# HELP ") {
                scrape.helps.insert(name.into(), help.into());
            } else if !line.starts_with('#') {
                scrape.samples.push(sample(line));
            }
        }
        let series: BTreeSet<_> = scrape.samples.iter().map(|s| (&s.name, &s.labels)).collect();
        assert_eq!(series.len(), scrape.samples.len(), "a series twice");
        scrape
    }

    /// The value of the one series with these labels among its own; `None` if there is none.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let found: Vec<_> = self.samples.iter().filter(|s| s.name == name && s.has(labels)).collect();
        assert!(found.len() <= 1, "{name}{labels:?} means several: {found:?}");
        found.first().map(|s| s.value)
    }

    /// All series, without their values.
    pub fn series(&self) -> BTreeSet<(String, BTreeMap<String, String>)> {
        self.samples.iter().map(|s| (s.name.clone(), s.labels.clone())).collect()
    }
}

impl Sample {
    fn has(&self, labels: &[(&str, &str)]) -> bool {
        labels.iter().all(|(label, value)| self.labels.get(*label).is_some_and(|v| v == value))
    }
}

fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').unwrap();
    let (name, labels) = match series.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}').unwrap()),
        None => (series, ""),
    };
    // No value of ours holds a quote; routes hold commas as little.
    let pairs = labels.split("\",").filter(|pair| !pair.is_empty());
    let labels = pairs.map(|pair| {
        let (label, value) = pair.split_once("=\"").unwrap();
        (label.to_owned(), value.trim_end_matches('"').to_owned())
    });
    Sample { name: name.into(), labels: labels.collect(), value: value.parse().unwrap() }
}
