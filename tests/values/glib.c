// What GLib keeps.
// packages: glib-2.0
// build: -w
// builds: dwarf4
//
// expect: signal SIGSEGV
// expect: value run.text contains ""text of GLib""
// expect: value run.empty contains """"
// expect: value run.list contains "{0x1, 0x2, 0x3}"
// expect: value run.middle contains "{0x2, 0x3}"
// expect: value run.no_list=NULL
// expect: value run.single contains "{0xa, 0xb}"
// expect: value run.numbers contains "3 elements"
// expect: value run.pointers contains "{0x1, 0x2, 0x3}"
// expect: value run.bytes contains "{0x01, 0x02, 0x80}"
// expect: value run.queue contains "{0x1, 0x2}"
// expect: value run.error contains "code 7: "it did not work""
// The library alone knows what a table is.
// expect: value run.table contains "0x"
// expect: value run.pair contains ""text of GLib""
#include <glib.h>

static void keep(const void *at)
{
    __asm__ volatile("" : : "r"(at) : "memory");
}

struct pair {
    GString *a;
    GList *b;
};

__attribute__((noinline)) void run(void)
{
    GString *text = g_string_new("text of GLib"), *empty = g_string_new("");
    GList *list = NULL, *no_list = NULL;
    for (gsize i = 3; i > 0; i--)
        list = g_list_prepend(list, (gpointer)i);
    GList *middle = list->next;
    GSList *single = g_slist_prepend(g_slist_prepend(NULL, (gpointer)0xb), (gpointer)0xa);
    GArray *numbers = g_array_new(FALSE, FALSE, sizeof(int));
    GPtrArray *pointers = g_ptr_array_new();
    for (gsize i = 1; i <= 3; i++) {
        int number = i;
        g_array_append_val(numbers, number);
        g_ptr_array_add(pointers, (gpointer)i);
    }
    GByteArray *bytes = g_byte_array_new();
    g_byte_array_append(bytes, (const guint8 *)"\1\2\200", 3);
    GQueue *queue = g_queue_new();
    g_queue_push_tail(queue, (gpointer)1);
    g_queue_push_tail(queue, (gpointer)2);
    GError *error = g_error_new(g_quark_from_string("tests"), 7, "it did not work");
    GHashTable *table = g_hash_table_new(g_str_hash, g_str_equal);
    g_hash_table_insert(table, "one", "1");
    struct pair pair = {text, list};
    keep(&text), keep(&empty), keep(&list), keep(&no_list), keep(&middle), keep(&single);
    keep(&numbers), keep(&pointers), keep(&bytes), keep(&queue), keep(&error), keep(&table);
    keep(&pair);
    volatile int *nothing = NULL;
    *nothing = 1;
    keep(&text), keep(&pair);
}

int main(void)
{
    run();
}
