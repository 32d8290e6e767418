//! Who waits for whom: a graph of threads, its circles, and what the chains end
//! at.

use std::collections::BTreeMap;

/// Circles that are looked for.
const MOST_CIRCLES: usize = 16;

/// Threads of one circle.
const LONGEST: usize = 10_000;

/// One thread waits for another one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edge {
    /// The index of the thread that has to act.
    pub to: usize,
    /// From 0 to 1.
    pub confidence: f32,
}

/// Threads that wait for each other: each for the next one, the last one for
/// the first. One thread may wait for itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Circle {
    /// Their indices.
    pub threads: Vec<usize>,
    /// That of the least sure edge.
    pub confidence: f32,
}

/// A thread that waits for no other one, and those that wait for it, through
/// others or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// Its index.
    pub thread: usize,
    /// Those that wait, in the order of their indices.
    pub waiters: Vec<usize>,
}

/// The circles of a graph in which `edges[N]` are those of thread N, the surest
/// first. Each thread is in one circle at most.
pub fn circles(edges: &[Vec<Edge>]) -> Vec<Circle> {
    /// What is known of a thread.
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        OnPath(usize),
        Done,
    }
    let mut marks = vec![Mark::New; edges.len()];
    let mut found: Vec<Circle> = Vec::new();
    for start in 0..edges.len() {
        // Threads on the path, and which of their edges comes next.
        let mut path: Vec<(usize, usize)> = Vec::new();
        if marks.get(start) == Some(&Mark::New) {
            path.push((start, 0));
        }
        while let Some((thread, next)) = path.last().copied() {
            let depth = path.len().saturating_sub(1);
            if let Some(mark) = marks.get_mut(thread) {
                *mark = Mark::OnPath(depth);
            }
            let Some(edge) = edges.get(thread).and_then(|edges| edges.get(next)) else {
                if let Some(mark) = marks.get_mut(thread) {
                    *mark = Mark::Done;
                }
                path.pop();
                continue;
            };
            if let Some((_, next)) = path.last_mut() {
                *next = next.saturating_add(1);
            }
            match marks.get(edge.to) {
                Some(Mark::New) if path.len() < LONGEST => path.push((edge.to, 0)),
                Some(Mark::OnPath(from)) => {
                    let of = path.get(*from..).unwrap_or_default();
                    let circle = circle(of, edges);
                    let is_known = circle.threads.iter().any(|thread| {
                        found.iter().any(|other: &Circle| other.threads.contains(thread))
                    });
                    if !is_known {
                        found.push(circle);
                    }
                }
                _ => (),
            }
            if found.len() >= MOST_CIRCLES {
                return found;
            }
        }
    }
    found
}

/// The circle that a part of a path closes. Each of its threads has gone on from
/// the edge that leads to the next one.
fn circle(path: &[(usize, usize)], edges: &[Vec<Edge>]) -> Circle {
    let confidence = path.iter().filter_map(|(thread, next)| {
        let edge = edges.get(*thread)?.get(next.checked_sub(1)?)?;
        Some(edge.confidence)
    });
    let confidence = confidence.fold(1.0, f32::min);
    let mut threads: Vec<usize> = path.iter().map(|(thread, _)| *thread).collect();
    // The same circle always begins with the same thread.
    let first = threads.iter().enumerate().min_by_key(|(_, thread)| **thread);
    if let Some((first, _)) = first {
        threads.rotate_left(first);
    }
    Circle { threads, confidence }
}

/// What the chains of waiting threads end at, the thread with the most waiters
/// first. Of several edges of a thread the first is followed; chains that lead
/// into a circle have no root.
pub fn roots(edges: &[Vec<Edge>]) -> Vec<Root> {
    let next = |thread: usize| edges.get(thread).and_then(|edges| edges.first());
    let mut known: BTreeMap<usize, Option<usize>> = BTreeMap::new();
    for start in 0..edges.len() {
        let mut path = Vec::new();
        let mut at = start;
        let root = loop {
            if let Some(root) = known.get(&at) {
                break *root;
            }
            // What leads back to itself has no end.
            known.insert(at, None);
            path.push(at);
            match next(at) {
                Some(edge) => at = edge.to,
                None => break Some(at),
            }
        };
        for thread in path {
            known.insert(thread, root);
        }
    }
    let mut by_root: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (thread, root) in known {
        if let Some(root) = root.filter(|root| *root != thread) {
            by_root.entry(root).or_default().push(thread);
        }
    }
    let roots = by_root.into_iter().map(|(thread, waiters)| Root { thread, waiters });
    let mut roots: Vec<Root> = roots.collect();
    roots.sort_by_key(|root| usize::MAX - root.waiters.len());
    roots
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[&[usize]]) -> Vec<Vec<Edge>> {
        let edge = |to: &usize| Edge { to: *to, confidence: 0.9 };
        edges.iter().map(|of| of.iter().map(edge).collect()).collect()
    }

    #[test]
    fn circles_are_found_once() {
        // (name, edges by thread, circles)
        type Case<'b> = (&'b str, &'b [&'b [usize]], &'b [&'b [usize]]);
        let cases: &[Case<'_>] = &[
            ("nobody waits", &[&[], &[]], &[]),
            ("a chain", &[&[1], &[2], &[]], &[]),
            ("itself", &[&[], &[1]], &[&[1]]),
            ("two", &[&[1], &[2], &[1]], &[&[1, 2]]),
            ("three, entered in the middle", &[&[2], &[0], &[1]], &[&[0, 2, 1]]),
            ("two circles", &[&[1], &[0], &[3], &[2], &[0]], &[&[0, 1], &[2, 3]]),
            ("by the second edge", &[&[1, 2], &[], &[0]], &[&[0, 2]]),
            ("to nowhere", &[&[9]], &[]),
        ];
        for (name, edges, want) in cases {
            let found = circles(&graph(edges));
            let found: Vec<&[usize]> = found.iter().map(|it| it.threads.as_slice()).collect();
            assert_eq!(found, *want, "{name}");
        }
    }

    #[test]
    fn a_circle_is_no_surer_than_its_weakest_edge() {
        let mut edges = graph(&[&[1], &[0]]);
        edges[1][0].confidence = 0.5;
        assert_eq!(circles(&edges)[0].confidence, 0.5);
    }

    #[test]
    fn roots_of_chains() {
        let found = roots(&graph(&[&[1], &[2], &[], &[2], &[5], &[4], &[4]]));
        assert_eq!(found, [Root { thread: 2, waiters: vec![0, 1, 3] }]);
        assert_eq!(roots(&graph(&[&[], &[]])), []);
    }

    #[test]
    fn many_threads_take_little_time() {
        let chain: Vec<Vec<Edge>> = (0..100_000)
            .map(|thread| vec![Edge { to: thread + 1, confidence: 1.0 }])
            .chain([Vec::new()])
            .collect();
        assert_eq!(roots(&chain)[0].waiters.len(), 100_000);
        assert_eq!(circles(&chain), []);
    }
}
