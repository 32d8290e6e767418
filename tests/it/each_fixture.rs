//! A test for each fixture, so that failures have names and tests run in parallel.

/// Makes one test a fixture; each calls `$check` with its fixture.
macro_rules! each_fixture {
    ($check:path) => {
        crate::each_fixture::tests! { $check:
            abort_assert, abort_double_free, abort_explicit, abort_fortify, abort_invalid_free,
            abort_stack_smashing, allocator_fault, bad_pointer, barrier_too_few, bit_flip,
            breakpoint, buffer_overrun, buffer_overrun_library, bus_alignment,
            bus_truncated_file, busy_loop, condition_nobody_signals, cxx_exception_uncaught,
            cxx_null_object, cxx_null_virtual, cxx_pure_virtual, cxx_shared_mutex,
            cxx_terminate_noexcept, cxx_use_after_free, cxx_values, deadlock_join,
            deadlock_once, deadlock_rwlock, deadlock_static, deadlock_stdio, deadlock_three, deep_inlines, divide_by_zero,
            divide_overflow, floating_point_exception, forbidden_access,
            freed_block_overwritten, heap_overflow, heap_overflow_top, illegal_bytes,
            illegal_instruction, jump_to_data, jump_to_nowhere, killed_by_other, limit_cpu,
            lock_held, lock_owner_gone, misaligned_simd, noreturn_end, null_argument, null_call,
            null_element, null_pointer, poisoned_pointer, privileged_instruction, quit_hang,
            reraise, rust_deadlock, rust_index, rust_null, rust_overflow, rust_panic_abort,
            rust_rwlock, rust_stack_overflow, rust_static_deadlock, rust_thread,
            rust_unwrap_none, rust_values, rwlock_upgrade, self_deadlock,
            semaphore_nobody_posts, signal_from_itself, signal_handler, sigsys_seccomp,
            smashed_return, stack_overflow, stack_overflow_thread, tail_call, threads,
            truncated_pointer, use_after_free, use_after_unmap, values_c, values_optimized_c,
            wild_pointer, write_readonly,
        }
    };
}

macro_rules! tests {
    ($check:path: $($name:ident,)*) => {
        $(
            #[test]
            fn $name() {
                $check(crate::support::fixture::named(&stringify!($name).replace('_', "-")));
            }
        )*

        #[test]
        fn no_fixture_is_left_out() {
            let listed = [$(stringify!($name)),*];
            for fixture in crate::support::fixture::all() {
                let name = fixture.name.replace('-', "_");
                assert!(listed.contains(&name.as_str()), "each_fixture.rs lacks {name}");
            }
        }
    };
}

pub(crate) use {each_fixture, tests};
