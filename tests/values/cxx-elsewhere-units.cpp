// The same, with types in units of their own.
// parts: parts/cxx-elsewhere-types.cpp
// build: -w -fdebug-types-section
// builds: dwarf4
//
// expect: signal SIGSEGV
// expect: value stop.shelf contains "{row = 3, label = {text = "top"}}"
// expect: value stop.box contains "{held = 42}"
// expect: value stop.item contains "{id = 9, name = "thing"}"
// expect: value stop.secret=0x10
#include "cxx-elsewhere.cpp"
