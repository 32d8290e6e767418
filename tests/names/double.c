// A matrix has no rows.
//
// names: matrix->rows
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define NI __attribute__((noinline)) static

struct matrix { int n; double *rows; };
NI double trace(struct matrix *matrix) { double all = 0; for (int at = 0; at < matrix->n; at++) all += matrix->rows[at]; return all; }
int main(int argc, char **argv) { (void)argv; struct matrix m = {argc + 2, NULL}; printf("%f\n", trace(&m)); return 0; }
