/* What the fuzz targets share: a way to insist, and a way to cut an input into lines. Each target is one file with
 * one LLVMFuzzerTestOneInput, which must hold for every input: no crash, no leak, no hang, no MUST that fails. */
#ifndef SK_TESTS_FUZZ_H
#define SK_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What must hold whatever the input; aborts, which libFuzzer reports with the input. */
#define MUST(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            (void)fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                       \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is left of an input. Text is borrowed from it and not terminated. */
struct input {
    const char *text;
    size_t length;
};

/* Takes the next line out of the input, without its newline; false: there is none left. */
static inline int input_line(struct input *input, struct input *line)
{
    if (input->length == 0) {
        return 0;
    }
    const char *end = memchr(input->text, '\n', input->length);
    line->text = input->text;
    line->length = end ? (size_t)(end - input->text) : input->length;
    size_t taken = line->length + (end ? 1 : 0);
    input->text += taken;
    input->length -= taken;
    return 1;
}

/* Takes the next word of a line, without the blank behind it, as a terminated text cut to bytes - 1. */
static inline void input_word(struct input *line, char *out, size_t bytes)
{
    size_t length = 0;
    while (length < line->length && line->text[length] != ' ') {
        length++;
    }
    size_t kept = length < bytes - 1 ? length : bytes - 1;
    if (kept > 0) {
        memcpy(out, line->text, kept);
    }
    out[kept] = '\0';
    line->text += length < line->length ? length + 1 : length;
    line->length -= length < line->length ? length + 1 : length;
}

/* The whole input as a terminated text; owned. */
static inline char *input_text(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    MUST(text);
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    return text;
}

#endif
