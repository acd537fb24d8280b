/* A library that leaves a trace as soon as it is loaded: TRACE names the file. It, MANIFEST and NAME are
   put in by the tests: a process that tries drivers has no environment to tell it.  */
#include <stdio.h>

__attribute__((section(".mdd_manifest"), used)) static const char manifest[] = MANIFEST;
__attribute__((used)) static const char name[] = NAME;

__attribute__((constructor)) static void sing(void) {
    FILE *trace = fopen(TRACE, "a");
    if (trace) {
        fprintf(trace, "%s\n", name);
        fclose(trace);
    }
}
