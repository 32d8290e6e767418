// What GLib's tables hold, in a program that describes them.
// packages: glib-2.0
// build: -w
// builds: dwarf4
//
// expect: signal SIGSEGV
// expect: value run.table contains ": 0x1}"
// expect: value run.set contains "{0x7: 0x7}"
// expect: value run.large contains "{0x7fff00000000: 0x2}"
// expect: value run.none contains "{}"
// expect: value run.removed contains "{0x9: 0x90}"
#include <glib.h>

// As in ghash.c of GLib 2.74, of which only debug information of GLib itself
// would tell.
struct _GHashTable {
    gsize size;
    gint mod;
    guint mask;
    guint nnodes;
    guint noccupied;
    guint have_big_keys : 1;
    guint have_big_values : 1;
    gpointer keys;
    guint *hashes;
    gpointer values;
    GHashFunc hash_func;
    GEqualFunc key_equal_func;
    gint ref_count;
    int version;
    GDestroyNotify key_destroy_func;
    GDestroyNotify value_destroy_func;
};

static void keep(const void *at)
{
    __asm__ volatile("" : : "r"(at) : "memory");
}

__attribute__((noinline)) void run(void)
{
    GHashTable *table = g_hash_table_new(g_str_hash, g_str_equal);
    g_hash_table_insert(table, "one", (gpointer)1);
    GHashTable *set = g_hash_table_new(g_direct_hash, g_direct_equal);
    g_hash_table_add(set, (gpointer)7);
    GHashTable *large = g_hash_table_new(g_direct_hash, g_direct_equal);
    g_hash_table_insert(large, (gpointer)0x7fff00000000, (gpointer)2);
    GHashTable *none = g_hash_table_new(g_direct_hash, g_direct_equal);
    GHashTable *removed = g_hash_table_new(g_direct_hash, g_direct_equal);
    g_hash_table_insert(removed, (gpointer)8, (gpointer)0x80);
    g_hash_table_insert(removed, (gpointer)9, (gpointer)0x90);
    g_hash_table_remove(removed, (gpointer)8);
    keep(&table), keep(&set), keep(&large), keep(&none), keep(&removed);
    volatile int *nothing = NULL;
    *nothing = 1;
    keep(&table), keep(&set), keep(&large), keep(&none), keep(&removed);
}

int main(void)
{
    run();
}
