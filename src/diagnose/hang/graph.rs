//! Who waits for whom: a graph of threads, its circles, and what the chains end
//! at.

use std::collections::{BTreeMap, VecDeque};

/// Circles that are told.
const MOST_CIRCLES: usize = 16;

/// Edges that are followed in search of circles.
const MOST_STEPS: usize = 1 << 20;

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

/// The circles of a graph in which `edges[N]` are those of thread N: the surest
/// first, of equally sure ones the shortest. Each thread is in one circle at
/// most.
pub fn circles(edges: &[Vec<Edge>]) -> Vec<Circle> {
    let on_some = on_circles(edges);
    let mut found: Vec<Circle> = Vec::new();
    let mut is_settled = vec![false; edges.len()];
    let mut budget = MOST_STEPS;
    for start in (0..edges.len()).filter(|thread| on_some.get(*thread) == Some(&true)) {
        if is_settled.get(start) == Some(&true) {
            continue;
        }
        let Some(circle) = shortest(edges, &on_some, start, &mut budget) else { continue };
        // Where nobody waits for several threads there is no other one.
        let has_one = |thread: &usize| edges.get(*thread).is_some_and(|edges| edges.len() == 1);
        if circle.threads.iter().all(has_one) {
            for thread in &circle.threads {
                if let Some(settled) = is_settled.get_mut(*thread) {
                    *settled = true;
                }
            }
        }
        found.push(circle);
    }
    found.sort_by(|one, other| {
        let by_confidence = other.confidence.total_cmp(&one.confidence);
        by_confidence.then(one.threads.len().cmp(&other.threads.len()))
    });
    let mut is_taken = vec![false; edges.len()];
    found.retain(|circle| {
        let is_new = circle.threads.iter().all(|thread| is_taken.get(*thread) == Some(&false));
        for thread in circle.threads.iter().filter(|_| is_new) {
            if let Some(taken) = is_taken.get_mut(*thread) {
                *taken = true;
            }
        }
        is_new
    });
    found.truncate(MOST_CIRCLES);
    found
}

/// Which threads may be on a circle: those that remain when all are taken away
/// that wait for none of the others.
fn on_circles(edges: &[Vec<Edge>]) -> Vec<bool> {
    let mut left: Vec<usize> = edges.iter().map(Vec::len).collect();
    let mut waiters: Vec<Vec<usize>> = vec![Vec::new(); edges.len()];
    for (thread, edges) in edges.iter().enumerate() {
        for edge in edges {
            match waiters.get_mut(edge.to) {
                Some(waiters) => waiters.push(thread),
                // A thread that is not there waits for nobody.
                None => {
                    if let Some(left) = left.get_mut(thread) {
                        *left = left.saturating_sub(1);
                    }
                }
            }
        }
    }
    let mut gone: Vec<usize> = (0..edges.len()).filter(|it| left.get(*it) == Some(&0)).collect();
    while let Some(thread) = gone.pop() {
        for waiter in waiters.get(thread).map(Vec::as_slice).unwrap_or_default() {
            if let Some(left) = left.get_mut(*waiter) {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    gone.push(*waiter);
                }
            }
        }
    }
    left.into_iter().map(|left| left > 0).collect()
}

/// The shortest circle through a thread.
fn shortest(
    edges: &[Vec<Edge>],
    on_some: &[bool],
    start: usize,
    budget: &mut usize,
) -> Option<Circle> {
    let mut from: BTreeMap<usize, (usize, f32)> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(thread) = queue.pop_front() {
        for edge in edges.get(thread)? {
            *budget = budget.checked_sub(1)?;
            if edge.to == start {
                let mut circle = Circle { threads: vec![thread], confidence: edge.confidence };
                let mut at = thread;
                while let Some((before, confidence)) = from.get(&at).filter(|_| at != start) {
                    circle.threads.push(*before);
                    circle.confidence = circle.confidence.min(*confidence);
                    at = *before;
                }
                circle.threads.reverse();
                // The same circle always begins with the same thread.
                let threads = circle.threads.iter().enumerate();
                let first = threads.min_by_key(|(_, thread)| **thread).map(|(first, _)| first);
                circle.threads.rotate_left(first.unwrap_or(0));
                return Some(circle);
            }
            if on_some.get(edge.to) == Some(&true) && !from.contains_key(&edge.to) {
                from.insert(edge.to, (thread, edge.confidence));
                queue.push_back(edge.to);
            }
        }
    }
    None
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
            ("the shorter one", &[&[1], &[2], &[0, 1]], &[&[1, 2]]),
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
