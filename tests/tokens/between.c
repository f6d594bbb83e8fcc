/* A PKCS#11 module between the helper and SoftHSM, which does what BETWEEN says and writes a line to BETWEEN_LOG for each login. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long ulong_t;
typedef ulong_t (*function)();

/* CK_FUNCTION_LIST: a version, then 68 functions. */
struct list {
    unsigned char major, minor;
    function functions[68];
};

enum { INITIALIZE = 0, LOGIN = 18, FIND_OBJECTS_INIT = 26, FIND_OBJECTS = 27, SIGN = 43 };
enum { GET_TOKEN_INFO = 6 };

static struct list ours;
static struct list *theirs;

static int is(const char *what) {
    const char *said = getenv("BETWEEN");
    return said && strcmp(said, what) == 0;
}

static void hang(void) {
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    for (;;) pause();
}

static void note(const char *line) {
    const char *path = getenv("BETWEEN_LOG");
    int file = path ? open(path, O_WRONLY | O_APPEND | O_CREAT, 0600) : -1;
    if (file >= 0) {
        if (write(file, line, strlen(line)) < 0) _exit(9);
        close(file);
    }
}

static ulong_t initialize(void *arguments) {
    if (is("hang-initialize")) hang();
    if (is("print")) {
        /* What a module prints must not meet the messages, nor the user. */
        printf("a module prints\n");
        fflush(stdout);
        fprintf(stderr, "a module complains\n");
        char line[8];
        if (fgets(line, sizeof line, stdin)) _exit(8);
    }
    return theirs->functions[INITIALIZE](arguments);
}

static ulong_t login(ulong_t session, ulong_t user, void *pin, ulong_t length) {
    note(user == 2 ? "context\n" : "login\n");
    return theirs->functions[LOGIN](session, user, pin, length);
}

static ulong_t get_token_info(ulong_t slot, unsigned char *info) {
    ulong_t answer = theirs->functions[GET_TOKEN_INFO](slot, info);
    /* CK_TOKEN_INFO: label 32, manufacturer 32, model 16, serial 16, then the flags. */
    ulong_t *flags = (ulong_t *)(info + 96);
    if (is("final-try")) *flags |= 0x00020000;
    if (is("locked")) *flags |= 0x00040000;
    return answer;
}

static ulong_t sign(ulong_t session, unsigned char *data, ulong_t length, unsigned char *signature, ulong_t *size) {
    if (is("crash-sign")) *(volatile int *)0 = 1;
    if (is("hang-sign")) hang();
    if (is("slow-sign") && signature) usleep(1500 * 1000);
    ulong_t answer = theirs->functions[SIGN](session, data, length, signature, size);
    if (is("wrong-sign") && signature) signature[3] ^= 1;
    return answer;
}

static int only_a_class;

static ulong_t find_objects_init(ulong_t session, void *template, ulong_t count) {
    only_a_class = count == 1;
    return theirs->functions[FIND_OBJECTS_INIT](session, template, count);
}

static ulong_t find_objects(ulong_t session, ulong_t *objects, ulong_t most, ulong_t *count) {
    static ulong_t last;
    ulong_t answer = theirs->functions[FIND_OBJECTS](session, objects, most, count);
    if (*count) last = objects[*count - 1];
    /* A token without an end: the last object again and again. */
    if (is("endless") && only_a_class && last)
        while (*count < most) objects[(*count)++] = last;
    return answer;
}

ulong_t C_GetFunctionList(struct list **list) {
    if (is("crash-load")) abort();
    void *module = dlopen("/usr/lib/softhsm/libsofthsm2.so", RTLD_NOW);
    function get = module ? (function)dlsym(module, "C_GetFunctionList") : 0;
    if (!get || get(&theirs) != 0) return 5;
    ours = *theirs;
    ours.functions[INITIALIZE] = initialize;
    ours.functions[LOGIN] = login;
    ours.functions[GET_TOKEN_INFO] = get_token_info;
    ours.functions[FIND_OBJECTS_INIT] = find_objects_init;
    ours.functions[FIND_OBJECTS] = find_objects;
    ours.functions[SIGN] = sign;
    *list = &ours;
    return 0;
}
