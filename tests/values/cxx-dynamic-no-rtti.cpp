// The same without run-time type information: symbols alone tell.
// build: -std=c++20 -w -fno-rtti
//
// expect: signal SIGSEGV
// expect: value app::stop.reference=(app::Derived) {<app::Base> = {b = 1}, d = 2}
// expect: value app::start.hidden_class contains "(app::(anonymous namespace)::Hidden) {<app::Base> = {b = 1}, h = 6}"
// expect: value app::start.second contains ") {<app::Base> = {b = 1}, <app::Other> = {o = 3}, x = 4}"
// expect: value app::start.spoilt contains "{<vtable> = <0x4141414141414141 is no vtable>, b = 1}"
// expect: value app::start.mistaken contains "(app::Other, which is no app::Base) {o = 3}"
#include "cxx-dynamic.cpp"
