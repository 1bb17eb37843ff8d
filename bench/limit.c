/* limit.c - the time that nobody can beat: inflating and hashing the layers, and nothing else.
 *
 *     limit LAYER.tar.gz...
 *
 * ISA-L inflates in one thread; a second hashes the stored and the inflated bytes beside it
 * (SHA-256, OpenSSL EVP); two layers are under way at a time. Prints the seconds, then a line per
 * layer with both digests, so that the work can be checked. Every figure of bench/ is a ratio to
 * this one, taken in the same run. */
#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { N_IN = 8, N_OUT = 8, IN_BYTES = 128 << 10, OUT_BYTES = 256 << 10, AT_ONCE = 2 };

/* Two rings between the threads: stored blocks and inflated blocks. */
struct layer {
    const char *path;
    int fd;
    pthread_mutex_t lock;
    pthread_cond_t filled, freed;
    unsigned char *in[N_IN], *out[N_OUT];
    size_t in_len[N_IN], out_len[N_OUT];
    unsigned in_made, in_done, out_made, out_done;
    bool ended, failed;
    char stored[65], inflated[65];
};

static struct layer *layers;
static int n_layers, next_layer;
static pthread_mutex_t next_lock = PTHREAD_MUTEX_INITIALIZER;

static bool more_stored(struct layer *l, struct inflate_state *state)
{
    pthread_mutex_lock(&l->lock);
    while (l->in_made - l->in_done == N_IN)
        pthread_cond_wait(&l->freed, &l->lock);
    pthread_mutex_unlock(&l->lock);
    unsigned at = l->in_made % N_IN;
    ssize_t n = read(l->fd, l->in[at], IN_BYTES);
    if (n <= 0)
        return false;
    pthread_mutex_lock(&l->lock);
    l->in_len[at] = (size_t)n;
    l->in_made++;
    pthread_cond_signal(&l->filled);
    pthread_mutex_unlock(&l->lock);
    state->next_in = l->in[at];
    state->avail_in = (uint32_t)n;
    return true;
}

static unsigned char *free_block(struct layer *l)
{
    pthread_mutex_lock(&l->lock);
    while (l->out_made - l->out_done == N_OUT)
        pthread_cond_wait(&l->freed, &l->lock);
    pthread_mutex_unlock(&l->lock);
    return l->out[l->out_made % N_OUT];
}

static void give_block(struct layer *l, size_t len)
{
    pthread_mutex_lock(&l->lock);
    l->out_len[l->out_made++ % N_OUT] = len;
    pthread_cond_signal(&l->filled);
    pthread_mutex_unlock(&l->lock);
}

static void inflate_layer(struct layer *l)
{
    static _Thread_local struct inflate_state state;
    isal_inflate_init(&state);
    state.crc_flag = ISAL_GZIP;
    for (bool more = true; more;) {
        state.next_out = free_block(l);
        state.avail_out = OUT_BYTES;
        while (state.avail_out && more) {
            if (state.avail_in == 0 && !more_stored(l, &state))
                more = false;
            else if (isal_inflate(&state) != ISAL_DECOMP_OK)
                l->failed = true, more = false;
            else if (state.block_state == ISAL_BLOCK_FINISH) {
                if (state.avail_in == 0 && !more_stored(l, &state)) {
                    more = false;
                } else { /* the next member */
                    isal_inflate_reset(&state);
                    state.crc_flag = ISAL_GZIP;
                }
            }
        }
        give_block(l, OUT_BYTES - state.avail_out);
    }
}

static void *inflater(void *ctx)
{
    struct layer *l = ctx;
    inflate_layer(l);
    pthread_mutex_lock(&l->lock);
    l->ended = true;
    pthread_cond_signal(&l->filled);
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

static void hash_new(struct layer *l, EVP_MD_CTX *stored, EVP_MD_CTX *inflated, unsigned in_made,
                     unsigned out_made)
{
    for (unsigned i = l->in_done; i != in_made; i++)
        EVP_DigestUpdate(stored, l->in[i % N_IN], l->in_len[i % N_IN]);
    for (unsigned i = l->out_done; i != out_made; i++)
        EVP_DigestUpdate(inflated, l->out[i % N_OUT], l->out_len[i % N_OUT]);
}

static void finish(EVP_MD_CTX *ctx, char *hex)
{
    unsigned char raw[EVP_MAX_MD_SIZE];
    EVP_DigestFinal_ex(ctx, raw, NULL);
    for (int i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", raw[i]);
    EVP_MD_CTX_free(ctx);
}

static void hash_layer(struct layer *l)
{
    EVP_MD_CTX *stored = EVP_MD_CTX_new(), *inflated = EVP_MD_CTX_new();
    EVP_DigestInit_ex(stored, EVP_sha256(), NULL);
    EVP_DigestInit_ex(inflated, EVP_sha256(), NULL);
    for (;;) {
        pthread_mutex_lock(&l->lock);
        while (!l->ended && l->in_made == l->in_done && l->out_made == l->out_done)
            pthread_cond_wait(&l->filled, &l->lock);
        unsigned in_made = l->in_made, out_made = l->out_made;
        bool over = l->ended && in_made == l->in_done && out_made == l->out_done;
        pthread_mutex_unlock(&l->lock);
        if (over)
            break;
        hash_new(l, stored, inflated, in_made, out_made);
        pthread_mutex_lock(&l->lock);
        l->in_done = in_made;
        l->out_done = out_made;
        pthread_cond_signal(&l->freed);
        pthread_mutex_unlock(&l->lock);
    }
    finish(stored, l->stored);
    finish(inflated, l->inflated);
}

static void run_layer(struct layer *l)
{
    pthread_t thread;
    l->fd = open(l->path, O_RDONLY | O_CLOEXEC);
    if (l->fd < 0 || pthread_create(&thread, NULL, inflater, l) != 0) {
        l->failed = true;
        return;
    }
    hash_layer(l);
    pthread_join(thread, NULL);
    close(l->fd);
}

static void *worker(void *unused)
{
    for (;;) {
        pthread_mutex_lock(&next_lock);
        int i = next_layer < n_layers ? next_layer++ : -1;
        pthread_mutex_unlock(&next_lock);
        if (i < 0)
            return unused;
        run_layer(&layers[i]);
    }
}

static void prepare(struct layer *l, const char *path)
{
    l->path = path;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->filled, NULL);
    pthread_cond_init(&l->freed, NULL);
    for (int i = 0; i < N_IN; i++)
        l->in[i] = malloc(IN_BYTES);
    for (int i = 0; i < N_OUT; i++)
        l->out[i] = malloc(OUT_BYTES);
}

int main(int argc, char **argv)
{
    pthread_t threads[AT_ONCE];
    struct timespec from, to;
    n_layers = argc - 1;
    layers = calloc((size_t)(n_layers > 0 ? n_layers : 1), sizeof(*layers));
    if (n_layers < 1 || !layers) {
        fputs("usage: limit LAYER.tar.gz...\n", stderr);
        return 2;
    }
    for (int i = 0; i < n_layers; i++)
        prepare(&layers[i], argv[i + 1]);
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int i = 0; i < AT_ONCE; i++)
        pthread_create(&threads[i], NULL, worker, NULL);
    for (int i = 0; i < AT_ONCE; i++)
        pthread_join(threads[i], NULL);
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("%.3f\n", (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9);
    bool failed = false;
    for (int i = 0; i < n_layers; i++) {
        printf("%s sha256:%s sha256:%s\n", layers[i].path, layers[i].stored, layers[i].inflated);
        failed = failed || layers[i].failed;
    }
    return failed ? 1 : 0;
}
