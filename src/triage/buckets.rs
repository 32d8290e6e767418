//! From crashes to the list of bugs: counts, times, urgency.

use std::collections::{BTreeSet, HashSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::base::utc;
use crate::report::model::{Bucket, Rank, Severity};
use crate::triage::baseline::{Baseline, keys};
use crate::triage::cluster::{Cluster, Clusters};
use crate::triage::crash::{Crashes, Member};

/// Parts of the time of all crashes in which crashes are counted.
const PARTS: usize = 24;

/// Files that a bucket names.
const EXAMPLES: usize = 20;

/// Builds that a bucket names.
const BUILDS: usize = 10;

/// After so many days a crash counts half.
const HALF_LIFE: f64 = 7.0;

/// The bugs among these crashes, the most urgent one first.
pub fn buckets(crashes: &mut Crashes, baseline: Option<&Baseline>, now: SystemTime) -> Vec<Bucket> {
    let found = buckets_with_members(crashes, baseline, now);
    found.into_iter().map(|(bucket, _members)| bucket).collect()
}

/// As [`buckets`], each with the numbers of its members among
/// [`Crashes::members`].
pub fn buckets_with_members(
    crashes: &mut Crashes,
    baseline: Option<&Baseline>,
    now: SystemTime,
) -> Vec<(Bucket, Vec<u32>)> {
    crashes.sort();
    let mut clusters = Clusters::new(crashes.rarity());
    let mut members: Vec<Vec<u32>> = Vec::new();
    let mut home: Vec<Option<usize>> = vec![None; crashes.shapes.len()];
    for (number, member) in crashes.members.iter().enumerate() {
        let shape = member.shape as usize;
        let at = *home[shape].get_or_insert_with(|| {
            clusters.add(member.shape, &crashes.shapes[shape], &crashes.shapes)
        });
        if members.len() <= at {
            members.resize(at + 1, Vec::new());
        }
        members[at].push(number as u32);
    }
    let times = crashes.members.iter().filter_map(|member| member.at);
    let span = times.clone().min().zip(times.max());
    let clusters = clusters.finish();
    let mut buckets: Vec<(Bucket, Vec<u32>)> = clusters
        .into_iter()
        .zip(members)
        .map(|(cluster, numbers)| {
            let members: Vec<&Member> =
                numbers.iter().map(|number| &crashes.members[*number as usize]).collect();
            (bucket(crashes, cluster, &members, span, baseline, now), numbers)
        })
        .collect();
    buckets.sort_by(|(one, _), (other, _)| {
        let by_rank = other.rank.score.total_cmp(&one.rank.score);
        by_rank.then(other.count.cmp(&one.count)).then(one.id.cmp(&other.id))
    });
    buckets
}

fn bucket(
    crashes: &Crashes,
    cluster: Cluster,
    members: &[&Member],
    span: Option<(i64, i64)>,
    baseline: Option<&Baseline>,
    now: SystemTime,
) -> Bucket {
    let shapes = || cluster.shapes.iter().map(|number| &crashes.shapes[*number as usize]);
    let first = shapes().next();
    let times = members.iter().filter_map(|member| member.at);
    let (first_seen, last_seen) = (times.clone().min(), times.clone().max());
    let hosts: HashSet<u32> = members.iter().filter_map(|member| member.host).collect();
    let fine: HashSet<&str> = shapes().map(|shape| &*shape.fine_key).collect();
    let builds: BTreeSet<&str> = shapes().filter_map(|shape| shape.build.as_deref()).collect();
    let text =
        |text: Option<&std::sync::Arc<str>>| text.map(|it| it.to_string()).unwrap_or_default();
    let mut bucket = Bucket {
        id: cluster.key.clone(),
        label: text(first.map(|it| &it.label)),
        text: text(first.map(|it| &it.text)),
        cause: text(first.map(|it| &it.cause)),
        severity: shapes().map(|shape| shape.severity).max().unwrap_or_default(),
        count: members.len() as u64,
        variants: fine.len() as u64,
        hosts: hosts.len() as u64,
        builds: builds.into_iter().take(BUILDS).map(str::to_owned).collect(),
        first_seen: first_seen.map(|at| utc::rfc3339(moment(at))),
        last_seen: last_seen.map(|at| utc::rfc3339(moment(at))),
        over_time: over_time(times, span),
        merged: cluster.merged,
        similar: cluster.similar,
        examples: members.iter().take(EXAMPLES).map(|member| member.path.to_string()).collect(),
        ..Bucket::default()
    };
    if let Some(baseline) = baseline {
        let keys: Vec<&str> = keys(&bucket).collect();
        bucket.known = Some(baseline.known(&keys, last_seen, now));
    }
    bucket.rank = rank(&bucket, last_seen, now);
    bucket
}

fn moment(at: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(at).unwrap_or(0))
}

fn over_time(times: impl Iterator<Item = i64>, span: Option<(i64, i64)>) -> Vec<u64> {
    let Some((start, end)) = span.filter(|(start, end)| end > start) else { return Vec::new() };
    let mut parts = vec![0_u64; PARTS];
    for at in times {
        let whole = i128::from(end) - i128::from(start);
        let part = (i128::from(at) - i128::from(start)) * PARTS as i128 / (whole + 1);
        if let Some(count) = usize::try_from(part).ok().and_then(|part| parts.get_mut(part)) {
            *count += 1;
        }
    }
    parts
}

/// How urgent a bucket is: hosts, severity, how long ago, whether it is new or
/// came back. A judgement, and shown.
fn rank(bucket: &Bucket, last_seen: Option<i64>, now: SystemTime) -> Rank {
    let mut because = Vec::new();
    let hosts = bucket.hosts.max(1);
    let by_hosts = (1.0 + hosts as f64).log2();
    because.push(format!("{hosts} host{}: {by_hosts:.1}", if hosts == 1 { "" } else { "s" }));
    let weight = match bucket.severity {
        Severity::Info => 0.5,
        Severity::Low => 1.0,
        Severity::Medium => 2.0,
        Severity::High => 4.0,
        Severity::Critical => 8.0,
    };
    because.push(format!("severity {}: {weight}", severity_name(bucket.severity)));
    let mut score = by_hosts * weight;
    if let Some(last) = last_seen {
        let age = now.duration_since(moment(last)).unwrap_or_default();
        // Whole hours, so that one list made twice reads alike.
        let days = (age.as_secs() / 3600) as f64 / 24.0;
        let decay = 0.5_f64.powf(days / HALF_LIFE);
        because.push(format!("last seen {days:.0} days ago: {decay:.2}"));
        score *= decay;
    }
    if let Some(known) = &bucket.known {
        if known.fixed_in.is_some() && !known.known {
            because.push("a regression: 4".to_owned());
            score *= 4.0;
        } else if !known.known {
            because.push("not in the baseline: 2".to_owned());
            score *= 2.0;
        }
    }
    Rank { score: (score * 1000.0).round() / 1000.0, because }
}

/// The word for a severity.
pub fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triage::crash::Crash;

    fn crash(path: &str, key: &str, at: i64, host: &str) -> Crash {
        Crash {
            path: path.to_owned(),
            key: key.to_owned(),
            cause: "null-pointer".to_owned(),
            stack: vec![format!("f_{key}"), "main".to_owned()],
            blame: vec![format!("f_{key}")],
            at: Some(at),
            host: Some(host.to_owned()),
            ..Crash::default()
        }
    }

    #[test]
    fn the_order_of_reading_does_not_matter() {
        let list = [
            crash("c", "k1", 30, "x"),
            crash("a", "k2", 10, "y"),
            crash("b", "k1", 20, "y"),
            crash("d", "k3", 5, "x"),
        ];
        let make = |order: &[usize]| {
            let mut crashes = Crashes::default();
            order.iter().for_each(|at| crashes.push(list[*at].clone()));
            buckets(&mut crashes, None, moment(100))
        };
        let one = make(&[0, 1, 2, 3]);
        assert_eq!(one, make(&[3, 2, 1, 0]));
        assert_eq!(one, make(&[1, 3, 0, 2]));
        assert_eq!(one.len(), 3);
        assert_eq!(one[0].id, "k1");
        assert_eq!((one[0].count, one[0].hosts), (2, 2));
        assert_eq!(one[0].examples, ["b", "c"]);
        assert_eq!(one[0].first_seen.as_deref(), Some("1970-01-01T00:00:20Z"));
        assert_eq!(one[0].over_time.iter().sum::<u64>(), 2);
    }

    #[test]
    fn what_came_back_comes_first() {
        let mut crashes = Crashes::default();
        crashes.push(crash("a", "aaaaaaaaaaaa", 200_000, "x"));
        crashes.push(crash("b", "bbbbbbbbbbbb", 200_000, "x"));
        let baseline = Baseline::parse("bbbbbbbbbbbb fixed=1970-01-01\n").unwrap();
        let found = buckets(&mut crashes, Some(&baseline), moment(200_000));
        assert_eq!(found[0].id, "bbbbbbbbbbbb");
        assert!(found[0].rank.because.iter().any(|why| why.contains("regression")));
        let known = found[0].known.as_ref().unwrap();
        assert!(known.why.as_ref().unwrap().contains("fixed on 1970-01-01"));
    }
}
