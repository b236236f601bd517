#include "tests/bench/corpus.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORDS     20000
#define WORD_MAX  24
#define LEAST     1500 /* bytes of a file; */
#define MOST      14500
#define LAST_DATE 1735689600 /* 2025-01-01 */

struct vocabulary {
	char words[WORDS][WORD_MAX];
	double upto[WORDS]; /* the part of all text that this word and those before it make */
	uint64_t random;
};

static const char *const common[] = {"the", "of", "and", "to", "in", "is", "that", "it", "was",
	"for", "on", "are", "as", "with", "his", "they", "at", "be", "this", "have", "from", "or",
	"one", "had", "by", "word", "but", "not", "what", "all", "were", "we", "when", "your",
	"can", "said", "there", "use", "an", "each", "which", "she", "do", "how", "their", "if",
	"will", "up", "other", "about"};
#define COMMON (sizeof(common) / sizeof(common[0]))

/* xorshift64* */
static uint64_t next_random(struct vocabulary *v)
{
	v->random ^= v->random >> 12;
	v->random ^= v->random << 25;
	v->random ^= v->random >> 27;
	return v->random * UINT64_C(2685821657736338717);
}

static unsigned below(struct vocabulary *v, unsigned limit)
{
	return (unsigned)((next_random(v) >> 32) * limit >> 32);
}

static const char *one_of(struct vocabulary *v, const char *const *list)
{
	unsigned n = 0;

	while (list[n])
		n++;
	return list[below(v, n)];
}

static void make_word(struct vocabulary *v, char *out)
{
	static const char *const onset[] = {"b", "br", "c", "cl", "d", "dr", "f", "fl", "g", "gr",
		"h", "j", "l", "m", "n", "p", "pl", "pr", "r", "s", "sh", "st", "t", "tr", "v", "w",
		NULL};
	static const char *const vowel[] = {"a", "e", "i", "o", "u", "ai", "ea", "ou", NULL};
	static const char *const coda[] = {"", "n", "r", "l", "s", "t", "nd", "ck", "m", NULL};
	static const char *const ending[] = {
		"", "", "", "s", "ed", "ing", "er", "ly", "ation", "ness", NULL};
	unsigned syllables = 1 + below(v, 2);
	size_t len = 0;

	for (; syllables > 0; syllables--)
		len += (size_t)snprintf(out + len, WORD_MAX - len, "%s%s%s", one_of(v, onset),
			one_of(v, vowel), one_of(v, coda));
	snprintf(out + len, WORD_MAX - len, "%s", one_of(v, ending));
}

static struct vocabulary *vocabulary_new(void)
{
	struct vocabulary *v = calloc(1, sizeof(*v));
	double sum = 0;
	unsigned i;

	if (!v)
		return NULL;
	v->random = UINT64_C(0x9E3779B97F4A7C15);
	for (i = 0; i < WORDS; i++) {
		if (i < COMMON)
			snprintf(v->words[i], WORD_MAX, "%s", common[i]);
		else
			make_word(v, v->words[i]);
		sum += 1 / ((double)i + 2.7);
		v->upto[i] = sum;
	}
	for (i = 0; i < WORDS; i++)
		v->upto[i] /= sum;
	return v;
}

static const char *draw(struct vocabulary *v)
{
	double at = (double)(next_random(v) >> 11) / (double)(UINT64_C(1) << 53);
	unsigned low = 0, high = WORDS - 1;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (v->upto[middle] < at)
			low = middle + 1;
		else
			high = middle;
	}
	return v->words[low];
}

/* Sentences in paragraphs below a heading, of exactly `size` bytes. */
static void write_text(struct vocabulary *v, char *out, size_t size)
{
	unsigned in_sentence = 0, sentences = 0;
	size_t used = 0;

	while (used < size) {
		char word[WORD_MAX + 8];
		const char *behind = " ";
		size_t len;

		if (++in_sentence >= 8 && below(v, 8) == 0)
			behind = ++sentences % 5 ? ". " : ".\n\n";
		len = (size_t)snprintf(word, sizeof(word), "%s%s%s", used ? "" : "# ", draw(v),
			used ? behind : "\n\n");
		if (in_sentence == 1 && used)
			word[0] = (char)(word[0] - 'a' + 'A');
		if (behind[0] == '.')
			in_sentence = 0;
		memcpy(out + used, word, len < size - used ? len : size - used);
		used += len;
	}
	out[size - 1] = '\n';
}

static int put(const char *path, const char *text, size_t size, time_t date)
{
	const struct timespec times[2] = {{.tv_sec = date}, {.tv_sec = date}};
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644), rc = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, size) != (ssize_t)size)
		rc = -EIO;
	else if (futimens(fd, times) != 0)
		rc = -errno;
	close(fd);
	return rc;
}

void corpus_name(const struct corpus *c, unsigned file, char out[NAME_MAX + 1])
{
	snprintf(out, NAME_MAX + 1, "c%02u/file-%05u.%s", file % c->collections, file,
		file % 4 < 2 ? "md" : "txt");
}

static int make_file(struct corpus *c, unsigned file, char *text)
{
	static const char mark[] = "\n" CORPUS_MARK "\n";
	size_t size = file == 0 ? CORPUS_LONG : LEAST + below(c->words, MOST - LEAST);
	char name[NAME_MAX + 1], path[PATH_MAX];

	write_text(c->words, text, size);
	if (file + 1 == c->files)
		memcpy(text + size - (sizeof(mark) - 1), mark, sizeof(mark) - 1);
	corpus_name(c, file, name);
	if (snprintf(path, sizeof(path), "%s/%s", c->dir, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	c->bytes += size;
	return put(path, text, size, LAST_DATE - (time_t)file);
}

static int make_directory(const char *path)
{
	return mkdir(path, 0755) == 0 || errno == EEXIST ? 0 : -errno;
}

static int make_collections(const struct corpus *c)
{
	char path[PATH_MAX];
	unsigned i;
	int rc = make_directory(c->dir);

	for (i = 0; i < c->collections && rc == 0; i++) {
		if (snprintf(path, sizeof(path), "%s/c%02u", c->dir, i) >= (int)sizeof(path))
			return -ENAMETOOLONG;
		rc = make_directory(path);
	}
	return rc;
}

int corpus_make(struct corpus *c, const char *dir, unsigned files, unsigned collections)
{
	char *text = malloc(CORPUS_LONG);
	unsigned i;
	int rc = 0;

	*c = (struct corpus){.files = files, .collections = collections, .words = vocabulary_new()};
	if (snprintf(c->dir, sizeof(c->dir), "%s", dir) >= (int)sizeof(c->dir))
		rc = -ENAMETOOLONG;
	if (!text || !c->words)
		rc = -ENOMEM;
	if (rc == 0)
		rc = make_collections(c);
	for (i = 0; i < files && rc == 0; i++)
		rc = make_file(c, i, text);
	free(text);
	return rc;
}

void corpus_release(struct corpus *c)
{
	free(c->words);
	c->words = NULL;
}

const char *corpus_word(const struct corpus *c, unsigned rank)
{
	return c->words->words[rank % WORDS];
}
